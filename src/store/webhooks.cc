#include "store/webhooks.h"

#include "base/base64.h"
#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "model/json.h"
#include "model/json_values.h"
#include "store/folders.h"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <tuple>

namespace cooper::store {
namespace json = boost::json;

namespace {

constexpr std::array<std::string_view, 5> kKinds = {
    "build.started", "build.finished", "release.created", "release.promoted", "webhook.test"};
constexpr std::string_view kSuffix = ".json";
constexpr std::size_t kIdLength = 10;
constexpr std::size_t kMostBytes = std::size_t{64} << 10;
/// Without a server nobody takes them.
constexpr std::size_t kMostEvents = 2000;
constexpr std::size_t kMostEventBytes = std::size_t{4} << 20;

std::optional<json::object> object_of(std::string_view text) {
  boost::system::error_code failure;
  json::value value = json::parse(text, failure);
  if (failure || !value.is_object()) return std::nullopt;
  return std::move(value.as_object());
}

std::string to_text(const Webhook& webhook) {
  json::array events;
  for (const EventKind kind : webhook.events) events.push_back(json::string(to_string(kind)));
  json::object object{{"url", webhook.url},
                      {"events", std::move(events)},
                      {"secret", webhook.secret},
                      {"created_at", to_rfc3339(webhook.created_at)}};
  if (webhook.app) object["app"] = webhook.app->str();
  return pretty(object);
}

Result<Webhook> parse_webhook(std::string_view text, const WebhookId& id) {
  const auto bad = [&](const char* what) {
    return Error(Errc::corrupt, "webhook " + id.str() + " " + what,
                 "remove it: cooper webhooks remove " + id.str());
  };
  const auto object = object_of(text);
  if (!object) return bad("is no JSON object");
  const auto created = parse_rfc3339(text_in(*object, "created_at"));
  if (!created || text_in(*object, "secret").empty()) return bad("is damaged");
  Webhook webhook{.id = id,
                  .url = text_in(*object, "url"),
                  .app = std::nullopt,
                  .events = {},
                  .secret = text_in(*object, "secret"),
                  .created_at = *created};
  if (object->contains("app")) {
    const auto app = AppName::parse(text_in(*object, "app"));
    if (!app) return bad("is for what is no app");
    webhook.app = *app;
  }
  const json::value* events = object->if_contains("events");
  if (!events || !events->is_array()) return bad("is damaged");
  for (const json::value& event : events->get_array()) {
    const auto kind = event.is_string() ? parse_event_kind(event.get_string()) : std::nullopt;
    if (kind) webhook.events.push_back(*kind);
  }
  // One of a newer cooper's must not become one for all.
  if (webhook.events.empty() && !events->get_array().empty()) return bad("is for unknown events");
  return webhook;
}

std::string name_of(const Event& event) {
  return event.app + "~" + event.id + "~" + std::string(to_string(event.kind)) +
         std::string(kSuffix);
}

std::optional<Event> parse_event(std::string_view text) {
  const auto object = object_of(text);
  if (!object) return std::nullopt;
  const auto kind = parse_event_kind(text_in(*object, "event"));
  const auto at = parse_rfc3339(text_in(*object, "at"));
  Event event{.app = text_in(*object, "app"),
              .id = text_in(*object, "id"),
              .release = text_in(*object, "release"),
              .at = at.value_or(Timestamp{})};
  const bool is_named = event.app.empty() || AppName::parse(event.app);
  if (!kind || !at || !is_named || !BuildId::parse(event.id)) return std::nullopt;
  event.kind = *kind;
  if (const json::value* data = object->if_contains("data")) event.data = json::serialize(*data);
  return event;
}

/// Makes room for one more: the oldest go, some at once.
void make_room(const std::filesystem::path& folder) {
  const std::vector<std::string> names = list_folder(folder);
  if (names.size() < kMostEvents) return;
  std::vector<std::pair<std::filesystem::file_time_type, std::string>> files;
  for (const std::string& name : names) {
    std::error_code gone;
    const auto time = std::filesystem::last_write_time(folder / name, gone);
    if (!gone) files.emplace_back(time, name);
  }
  std::ranges::sort(files);
  const std::size_t extra = names.size() - kMostEvents + kMostEvents / 10;
  files.resize(std::min(files.size(), extra));
  for (const auto& [time, name] : files) remove_file(folder / name);
}

}  // namespace

bool WebhookIdRule::check(std::string_view text) noexcept {
  return text.size() == kIdLength && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
         });
}

Error WebhookIdRule::refuse(std::string_view text) {
  return {Errc::invalid, "\"" + shorten(printable(text), 60) + "\" is no id of a webhook",
          "`cooper webhooks` lists them"};
}

std::string_view to_string(EventKind kind) noexcept {
  return kKinds[static_cast<std::size_t>(kind)];
}

std::optional<EventKind> parse_event_kind(std::string_view text) noexcept {
  const auto found = std::ranges::find(kKinds, text);
  if (found == kKinds.end()) return std::nullopt;
  return static_cast<EventKind>(found - kKinds.begin());
}

bool wants(const Webhook& webhook, EventKind kind, const AppName& app) {
  return (!webhook.app || *webhook.app == app) &&
         (webhook.events.empty() ||
          std::ranges::find(webhook.events, kind) != webhook.events.end());
}

Result<std::string> check_webhook_secret(std::string_view text) {
  const bool is_plain = std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
  const bool is_base64 = !text.starts_with("whsec_") || from_base64(text.substr(6));
  if (!is_plain || !is_base64 || text.size() < 16 || text.size() > 256) {
    return Error(Errc::invalid, "this is no secret for a webhook",
                 "expected whsec_ and Base64, or 16 to 256 letters, digits and signs");
  }
  return std::string(text);
}

std::string new_webhook_secret() {
  return "whsec_" + to_base64(random_base36(36));  // 186 bits
}

Webhook Webhooks::add(Webhook wanted) {
  wanted.id = WebhookId::parse(random_base36(kIdLength)).value();
  wanted.created_at = {now()};
  const Fd folder = make_folder(layout_, layout_.webhooks(), 0700);
  write_file_durably(folder, wanted.id.str() + std::string(kSuffix), to_text(wanted), 0600,
                     IfExists::fail);
  return wanted;
}

std::vector<Webhook> Webhooks::list(std::vector<std::string>& warnings) const {
  std::vector<Webhook> webhooks;
  for (const WebhookId& id : ids_of<WebhookId>(list_folder(layout_.webhooks()), kSuffix)) {
    try {
      if (auto webhook = find(id)) webhooks.push_back(*std::move(webhook));
    } catch (const Error& error) {  // boundary: one that is damaged must not hide the others
      warnings.push_back(error.message());
    }
  }
  std::ranges::sort(webhooks, [](const Webhook& a, const Webhook& b) {
    return std::tie(a.created_at.at, a.id) < std::tie(b.created_at.at, b.id);
  });
  return webhooks;
}

std::optional<Webhook> Webhooks::find(const WebhookId& id) const {
  const auto text = read_file(layout_.webhooks() / (id.str() + std::string(kSuffix)), kMostBytes);
  if (!text) return std::nullopt;
  return parse_webhook(*text, id).value();
}

void Webhooks::remove(const WebhookId& id) {
  if (!remove_file(layout_.webhooks() / (id.str() + std::string(kSuffix)))) {
    throw Error(Errc::not_found, "no webhook " + id.str(), "`cooper webhooks` lists them");
  }
  sync_folder(layout_.webhooks());
  remove_tree(layout_.webhook_queue(id.str()));
}

bool Webhooks::any() const {
  return !ids_of<WebhookId>(list_folder(layout_.webhooks()), kSuffix).empty();
}

void raise_event(const Layout& layout, const Event& event) noexcept {
  try {
    if (!Webhooks(layout).any()) return;
    json::object object{{"event", to_string(event.kind)},
                        {"app", event.app},
                        {"id", event.id},
                        {"at", to_rfc3339(event.at)}};
    if (!event.release.empty()) object["release"] = event.release;
    if (!event.data.empty()) object["data"] = json::parse(event.data);
    const Fd folder = make_folder(layout, layout.events(), 0700);
    make_room(layout.events());
    write_file_durably(folder, name_of(event), pretty(object), 0600);
  } catch (const std::exception&) {  // boundary: see the contract
  }
}

std::vector<Event> raised_events(const Layout& layout) {
  std::vector<Event> events;
  for (const std::string& name : list_folder(layout.events())) {
    if (!name.ends_with(kSuffix) || name.starts_with(kTemporaryPrefix)) continue;
    const auto text = read_file(layout.events() / name, kMostEventBytes);
    if (!text) continue;
    if (auto event = parse_event(*text); event && name_of(*event) == name) {
      events.push_back(*std::move(event));
    }
  }
  std::ranges::sort(events, {}, [](const Event& event) { return event.at.at; });
  return events;
}

void drop_event(const Layout& layout, const Event& event) {
  remove_file(layout.events() / name_of(event));
}

}  // namespace cooper::store
