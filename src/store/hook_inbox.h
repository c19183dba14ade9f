#pragma once
// What webhooks said that start builds, before it is done and for a while after: so that nothing
// that was accepted is lost, and nothing is done twice.

#include "base/time.h"
#include "model/names.h"
#include "store/layout.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::store {

/// accepted: not looked at yet, or to be tried again; building: its build is on its way, and is
/// to be deployed; done.
enum class HookState : std::uint8_t { accepted, building, done };
std::string_view to_string(HookState state) noexcept;

/// What one delivery said, and what became of it.
struct HookDelivery {
  std::string key;       ///< names the file; of hook_key
  std::string sender;    ///< "github"
  std::string delivery;  ///< the sender's name for it
  std::string branch;
  std::string commit;  ///< that the branch is at, it says
  Timestamp received_at;
  HookState state = HookState::accepted;
  std::string build;      ///< id of the build that it started; empty: none
  std::string outcome;    ///< one line; empty before the end
  unsigned failures = 0;  ///< attempts that failed so far
  bool operator==(const HookDelivery&) const = default;
};

/// 32 hex digits of sender and delivery.
std::string hook_key(std::string_view sender, std::string_view delivery);

std::string to_json(const HookDelivery& delivery);
[[nodiscard]] Result<HookDelivery> parse_hook_delivery(std::string_view text, std::string key);

/// Files of `data/hooks/<app>`, each 0600. Safe to use from several threads and processes at once.
/// All may throw Error.
class HookInbox {
 public:
  explicit HookInbox(Layout layout) : layout_(std::move(layout)) {}

  /// Keeps it, durably. False, and nothing is changed, if one of that key is kept. Forgets, of
  /// those that are done, the ones that are older than 30 days or beyond the newest 1000.
  bool accept(const AppName& app, const HookDelivery& delivery);
  /// Writes it as it is now. One that is gone meanwhile, with its app, stays gone.
  void update(const AppName& app, const HookDelivery& delivery);
  /// Newest first. What can't be read is left out.
  std::vector<HookDelivery> list(const AppName& app) const;
  /// Apps that have any.
  std::vector<AppName> apps() const;

 private:
  void forget_old(const AppName& app) const;

  Layout layout_;
};

}  // namespace cooper::store
