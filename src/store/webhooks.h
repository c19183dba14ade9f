#pragma once
// Webhooks that go out: who is told of what.

#include "base/time.h"
#include "model/names.h"
#include "store/layout.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::store {

struct WebhookIdRule {
  static bool check(std::string_view text) noexcept;
  static Error refuse(std::string_view text);
};
/// Ten lower-case letters and digits.
using WebhookId = CheckedName<WebhookIdRule>;

/// `test` goes to the one webhook that is tried.
enum class EventKind : std::uint8_t {
  build_started,
  build_finished,
  release_created,
  release_promoted,
  test
};
/// "build.started"; "webhook.test"
std::string_view to_string(EventKind kind) noexcept;
std::optional<EventKind> parse_event_kind(std::string_view text) noexcept;

struct Webhook {
  WebhookId id;
  std::string url;                ///< http or https
  std::optional<AppName> app;     ///< of this app alone; absent: of all
  std::vector<EventKind> events;  ///< empty: all
  std::string secret;             ///< "whsec_<Base64>", or what its maker has given
  Timestamp created_at;
};

/// Is it told of that?
bool wants(const Webhook& webhook, EventKind kind, const AppName& app);

/// One that somebody gives. Error{invalid}, which does not repeat it.
[[nodiscard]] Result<std::string> check_webhook_secret(std::string_view text);

/// As Standard Webhooks has them.
std::string new_webhook_secret();

/// Files of `config/webhooks`, each 0600. All may throw Error.
class Webhooks {
 public:
  explicit Webhooks(Layout layout) : layout_(std::move(layout)) {}

  /// `id` and `created_at` are made here.
  Webhook add(Webhook wanted);
  /// Oldest first. A line of `warnings` for each that can't be read.
  std::vector<Webhook> list(std::vector<std::string>& warnings) const;
  std::optional<Webhook> find(const WebhookId& id) const;
  /// With what waits for it, and its log. Error{not_found}.
  void remove(const WebhookId& id);
  bool any() const;

 private:
  Layout layout_;
};

/// Something that has happened, until every webhook that is told of it has it in its queue.
struct Event {
  EventKind kind = EventKind::build_started;
  std::string app;      ///< empty: of a test
  std::string id;       ///< of the build, the release, the deploy or the webhook
  std::string release;  ///< of a deploy: what it promotes
  std::string data;     ///< JSON of the build or the release as it is then; empty: there is none
  Timestamp at;
};

/// Notes an event, durably, if there is any webhook. Call it before what it tells of is written:
/// who sends it looks whether that came to be. The same event twice is one. As long as nobody takes
/// them the newest 2000 are kept. Never throws: what happens counts more than that somebody hears
/// of it.
void raise_event(const Layout& layout, const Event& event) noexcept;
/// Oldest first. What can't be read is left out.
std::vector<Event> raised_events(const Layout& layout);
void drop_event(const Layout& layout, const Event& event);

}  // namespace cooper::store
