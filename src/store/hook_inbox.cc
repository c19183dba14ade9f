#include "store/hook_inbox.h"

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "model/json.h"
#include "store/folders.h"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <tuple>

namespace cooper::store {
namespace json = boost::json;

namespace {

constexpr std::array<std::string_view, 3> kStates = {"accepted", "building", "done"};
constexpr std::string_view kSuffix = ".json";
constexpr std::size_t kKeyDigits = 32;
constexpr std::size_t kMostBytes = std::size_t{64} << 10;
constexpr std::size_t kMostKept = 1000;
/// Longer than any sender offers to deliver again.
constexpr std::chrono::days kKeptFor{30};

bool is_key(std::string_view text) {
  return text.size() == kKeyDigits && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

std::string_view to_string(HookState state) noexcept {
  return kStates[static_cast<std::size_t>(state)];
}

std::string hook_key(std::string_view sender, std::string_view delivery) {
  return hex(sha256(std::string(sender) + "\n" + std::string(delivery))).substr(0, kKeyDigits);
}

std::string to_json(const HookDelivery& delivery) {
  json::object object{{"sender", delivery.sender},
                      {"delivery", delivery.delivery},
                      {"branch", delivery.branch},
                      {"commit", delivery.commit},
                      {"received_at", to_rfc3339(delivery.received_at)},
                      {"state", to_string(delivery.state)}};
  if (!delivery.build.empty()) object["build"] = delivery.build;
  if (!delivery.outcome.empty()) object["outcome"] = delivery.outcome;
  if (delivery.failures > 0) object["failures"] = delivery.failures;
  return pretty(object);
}

Result<HookDelivery> parse_hook_delivery(std::string_view text, std::string key) {
  const auto bad = [&](const char* what) {
    return Error(Errc::corrupt, "webhook delivery " + key + " " + what);
  };
  boost::system::error_code failure;
  const json::value value = json::parse(text, failure);
  if (failure || !value.is_object()) return bad("is no JSON object");
  const json::object& object = value.get_object();
  const auto text_of = [&](std::string_view name) {
    const json::value* found = object.if_contains(name);
    return found && found->is_string() ? std::string(found->get_string()) : std::string();
  };
  const auto state = std::ranges::find(kStates, text_of("state"));
  const auto received = parse_rfc3339(text_of("received_at"));
  if (state == kStates.end() || !received || text_of("branch").empty()) return bad("is damaged");
  const json::value* failures = object.if_contains("failures");
  return HookDelivery{.key = std::move(key),
                      .sender = text_of("sender"),
                      .delivery = text_of("delivery"),
                      .branch = text_of("branch"),
                      .commit = text_of("commit"),
                      .received_at = *received,
                      .state = static_cast<HookState>(state - kStates.begin()),
                      .build = text_of("build"),
                      .outcome = text_of("outcome"),
                      .failures = failures && failures->is_int64()
                                      ? static_cast<unsigned>(std::clamp<std::int64_t>(
                                            failures->get_int64(), 0, 1000))
                                      : 0};
}

bool HookInbox::accept(const AppName& app, const HookDelivery& delivery) {
  const Fd folder = make_folder(layout_, layout_.hooks(app), 0700);
  try {
    write_file_durably(folder, delivery.key + std::string(kSuffix), to_json(delivery), 0600,
                       IfExists::fail);
  } catch (const Error& error) {  // adapter: known is an answer here
    if (error.code() != Errc::conflict) throw;
    return false;
  }
  forget_old(app);
  return true;
}

void HookInbox::update(const AppName& app, const HookDelivery& delivery) {
  const std::filesystem::path folder = layout_.hooks(app);
  const std::string name = delivery.key + std::string(kSuffix);
  if (!std::filesystem::exists(folder / name)) return;
  write_file_durably(folder / name, to_json(delivery), 0600);
}

std::vector<HookDelivery> HookInbox::list(const AppName& app) const {
  std::vector<HookDelivery> deliveries;
  const std::filesystem::path folder = layout_.hooks(app);
  for (const std::string& name : list_folder(folder)) {
    if (!name.ends_with(kSuffix)) continue;
    std::string key = name.substr(0, name.size() - kSuffix.size());
    if (!is_key(key)) continue;
    const auto text = read_file(folder / name, kMostBytes);
    if (!text) continue;  // forgotten meanwhile
    if (auto delivery = parse_hook_delivery(*text, std::move(key))) {
      deliveries.push_back(std::move(*delivery));
    }
  }
  std::ranges::sort(deliveries, [](const HookDelivery& a, const HookDelivery& b) {
    return std::tie(b.received_at.at, b.key) < std::tie(a.received_at.at, a.key);
  });
  return deliveries;
}

std::vector<AppName> HookInbox::apps() const {
  std::vector<AppName> apps;
  for (const std::string& name : list_folder(layout_.hooks())) {
    if (auto app = AppName::parse(name)) apps.push_back(std::move(*app));
  }
  return apps;
}

/// Reads them only where there may be too many: each tells its age by itself, in its file's time.
void HookInbox::forget_old(const AppName& app) const {
  const std::filesystem::path folder = layout_.hooks(app);
  const auto oldest = std::filesystem::file_time_type::clock::now() - kKeptFor;
  bool look = false;
  std::size_t count = 0;
  for (const std::string& name : list_folder(folder)) {
    if (!name.ends_with(kSuffix)) continue;
    ++count;
    std::error_code gone;
    const auto written = std::filesystem::last_write_time(folder / name, gone);
    look = look || (!gone && written < oldest);
  }
  if (!look && count <= kMostKept + kMostKept / 10) return;
  std::size_t kept = 0;
  const Time since = now() - kKeptFor;
  for (const HookDelivery& delivery : list(app)) {
    if (++kept <= kMostKept && delivery.received_at.at >= since) continue;
    if (delivery.state == HookState::done)
      remove_file(folder / (delivery.key + std::string(kSuffix)));
  }
}

}  // namespace cooper::store
