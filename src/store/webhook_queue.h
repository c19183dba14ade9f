#pragma once
// What one webhook is to be told, and was: its queue and its log of deliveries.

#include "base/time.h"
#include "store/layout.h"
#include "store/webhooks.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::store {

/// `dropped`: too many newer ones waited.
enum class WebhookState : std::uint8_t { waiting, delivered, failed, dropped };
std::string_view to_string(WebhookState state) noexcept;

struct WebhookAttempt {
  Timestamp at;
  std::chrono::milliseconds took{0};
  unsigned status = 0;  ///< HTTP; 0: there was no answer
  std::string error;    ///< why it is not delivered; empty: it is
  bool operator==(const WebhookAttempt&) const = default;
};

/// One message to one webhook.
struct WebhookMessage {
  std::string id;  ///< "msg_" and 24 hex digits: the same in each attempt
  std::string event;
  std::string app;
  std::string subject;  ///< id of the build or the release
  std::string body;
  Timestamp created_at;
  WebhookState state = WebhookState::waiting;
  Timestamp next_at;  ///< of one that waits
  std::vector<WebhookAttempt> attempts;
  bool operator==(const WebhookMessage&) const = default;
};

/// Of a webhook and an event, always the same.
std::string webhook_message_id(const WebhookId& webhook, const Event& event);

std::string to_json(const WebhookMessage& message);
[[nodiscard]] Result<WebhookMessage> parse_webhook_message(std::string_view text, std::string id);

/// Files of `data/webhooks/<id>`, each 0600. All may throw Error.
class WebhookQueue {
 public:
  WebhookQueue(Layout layout, WebhookId id) : layout_(std::move(layout)), id_(std::move(id)) {}

  /// Durably. One of that id that is there already stays as it is.
  void add(const WebhookMessage& message);
  /// Of some 200 and more, forgets those that wait no more and are older than 30 days or beyond the
  /// newest 200 of them, and drops the oldest of those that wait beyond kMostWaiting. For who sends
  /// them and holds the folder's lock: it changes what it has read.
  void trim();
  static constexpr std::size_t kMostWaiting = 500;
  /// Writes it as it is now; one that is gone meanwhile stays gone.
  void update(const WebhookMessage& message);
  /// Oldest first. What can't be read is left out.
  std::vector<WebhookMessage> list() const;

 private:
  Layout layout_;
  WebhookId id_;
};

}  // namespace cooper::store
