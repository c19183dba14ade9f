#include "store/webhook_queue.h"

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "model/json.h"
#include "model/json_values.h"
#include "store/folders.h"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <tuple>

namespace cooper::store {
namespace json = boost::json;

namespace {

constexpr std::array<std::string_view, 4> kStates = {"waiting", "delivered", "failed", "dropped"};
constexpr std::string_view kSuffix = ".json";
constexpr std::string_view kPrefix = "msg_";
constexpr std::size_t kDigits = 24;
constexpr std::size_t kMostBytes = std::size_t{4} << 20;
constexpr std::size_t kMostKept = 200;
constexpr std::chrono::days kKeptFor{30};

bool is_id(std::string_view text) {
  return text.size() == kPrefix.size() + kDigits && text.starts_with(kPrefix) &&
         std::ranges::all_of(text.substr(kPrefix.size()), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::int64_t number_in(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains(name);
  return found && found->is_int64() ? std::max<std::int64_t>(found->get_int64(), 0) : 0;
}

json::object to_object(const WebhookAttempt& attempt) {
  json::object object{{"at", to_rfc3339(attempt.at)}, {"took_ms", attempt.took.count()}};
  if (attempt.status > 0) object["status"] = attempt.status;
  if (!attempt.error.empty()) object["error"] = attempt.error;
  return object;
}

std::optional<WebhookAttempt> parse_attempt(const json::value& value) {
  if (!value.is_object()) return std::nullopt;
  const json::object& object = value.get_object();
  const auto at = parse_rfc3339(text_in(object, "at"));
  if (!at) return std::nullopt;
  return WebhookAttempt{.at = *at,
                        .took = std::chrono::milliseconds(number_in(object, "took_ms")),
                        .status = static_cast<unsigned>(number_in(object, "status")),
                        .error = text_in(object, "error")};
}

}  // namespace

std::string_view to_string(WebhookState state) noexcept {
  return kStates[static_cast<std::size_t>(state)];
}

std::string webhook_message_id(const WebhookId& webhook, const Event& event) {
  std::string what = webhook.str();
  for (const std::string& part : {event.app, event.id, std::string(to_string(event.kind)),
                                  event.kind == EventKind::test ? to_rfc3339(event.at) : ""}) {
    what += "\n" + part;
  }
  return std::string(kPrefix) + hex(sha256(what)).substr(0, kDigits);
}

std::string to_json(const WebhookMessage& message) {
  json::array attempts;
  for (const WebhookAttempt& attempt : message.attempts) attempts.push_back(to_object(attempt));
  json::object object{{"event", message.event},
                      {"app", message.app},
                      {"subject", message.subject},
                      {"created_at", to_rfc3339(message.created_at)},
                      {"state", to_string(message.state)},
                      {"next_at", to_rfc3339(message.next_at)},
                      {"attempts", std::move(attempts)},
                      {"body", message.body}};
  return pretty(object);
}

Result<WebhookMessage> parse_webhook_message(std::string_view text, std::string id) {
  const auto bad = [&](const char* what) {
    return Error(Errc::corrupt, "webhook message " + id + " " + what);
  };
  boost::system::error_code failure;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), failure);
  if (failure || !value.is_object()) return bad("is no JSON object");
  const json::object& object = value.get_object();
  const auto created = parse_rfc3339(text_in(object, "created_at"));
  const auto next = parse_rfc3339(text_in(object, "next_at"));
  const auto state = std::ranges::find(kStates, text_in(object, "state"));
  const json::value* attempts = object.if_contains("attempts");
  if (!created || !next || state == kStates.end() || !attempts || !attempts->is_array()) {
    return bad("is damaged");
  }
  WebhookMessage message{.id = std::move(id),
                         .event = text_in(object, "event"),
                         .app = text_in(object, "app"),
                         .subject = text_in(object, "subject"),
                         .body = text_in(object, "body"),
                         .created_at = *created,
                         .state = static_cast<WebhookState>(state - kStates.begin()),
                         .next_at = *next,
                         .attempts = {}};
  for (const json::value& one : attempts->get_array()) {
    if (auto attempt = parse_attempt(one)) message.attempts.push_back(*std::move(attempt));
  }
  return message;
}

void WebhookQueue::add(const WebhookMessage& message) {
  const Fd folder = make_folder(layout_, layout_.webhook_queue(id_.str()), 0700);
  try {
    write_file_durably(folder, message.id + std::string(kSuffix), to_json(message), 0600,
                       IfExists::fail);
  } catch (const Error& error) {  // adapter: there already is as good
    if (error.code() != Errc::conflict) throw;
  }
}

void WebhookQueue::update(const WebhookMessage& message) {
  const std::filesystem::path file =
      layout_.webhook_queue(id_.str()) / (message.id + std::string(kSuffix));
  if (std::filesystem::exists(file)) write_file_durably(file, to_json(message), 0600);
}

std::vector<WebhookMessage> WebhookQueue::list() const {
  std::vector<WebhookMessage> messages;
  const std::filesystem::path folder = layout_.webhook_queue(id_.str());
  for (const std::string& name : list_folder(folder)) {
    if (!name.ends_with(kSuffix)) continue;
    std::string id = name.substr(0, name.size() - kSuffix.size());
    if (!is_id(id)) continue;
    const auto text = read_file(folder / name, kMostBytes);
    if (!text) continue;  // forgotten meanwhile
    if (auto message = parse_webhook_message(*text, std::move(id))) {
      messages.push_back(*std::move(message));
    }
  }
  std::ranges::sort(messages, [](const WebhookMessage& a, const WebhookMessage& b) {
    return std::tie(a.created_at.at, a.id) < std::tie(b.created_at.at, b.id);
  });
  return messages;
}

void WebhookQueue::trim() {
  const std::filesystem::path folder = layout_.webhook_queue(id_.str());
  if (list_folder(folder).size() <= kMostKept + kMostKept / 10) return;
  std::vector<WebhookMessage> messages = list();
  const auto is_waiting = [](const WebhookMessage& message) {
    return message.state == WebhookState::waiting;
  };
  auto waiting = static_cast<std::size_t>(std::ranges::count_if(messages, is_waiting));
  std::size_t ended = messages.size() - waiting;
  const Time since = now() - kKeptFor;
  for (WebhookMessage& message : messages) {
    if (is_waiting(message)) {
      if (waiting <= kMostWaiting) continue;
      --waiting;
      message.state = WebhookState::dropped;
      update(message);
      continue;
    }
    if (ended <= kMostKept && message.created_at.at >= since) continue;
    --ended;
    remove_file(folder / (message.id + std::string(kSuffix)));
  }
}

}  // namespace cooper::store
