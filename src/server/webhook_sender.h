#pragma once
// Tells webhooks what has happened.

#include "rack/rack.h"
#include "server/workers.h"
#include "store/layout.h"
#include "store/webhook_queue.h"
#include "store/webhooks.h"

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <thread>

namespace cooper::server {

/// Puts each event into the queues of those that are told of it, and delivers those: one webhook's
/// one after the other, several webhooks' at once, in turns. What the server's end cuts off is done
/// by the next one.
class WebhookSender {
 public:
  WebhookSender(rack::Rack& rack, store::Layout layout);
  ~WebhookSender() { end(); }
  WebhookSender(const WebhookSender&) = delete;
  WebhookSender& operator=(const WebhookSender&) = delete;

  /// Begins, with what waits.
  void start();
  /// No more is begun; returns when nothing goes on.
  void end();

 private:
  using Clock = std::chrono::steady_clock;
  using Delay = std::optional<std::chrono::milliseconds>;  ///< until it is to be looked at again

  void run();
  void take_events();
  void deliver_due();
  void work(const store::WebhookId& id);
  Delay deliver(const store::WebhookId& id);
  void attempt(const store::Webhook& webhook, store::WebhookMessage& message);
  enum class Came { yes, not_yet, never };
  Came came_to_be(const store::Event& event);
  Came came_to_run(const store::Event& event);
  Came came_to_be_promoted(const store::Event& event);

  rack::Rack& rack_;
  store::Layout layout_;
  store::Webhooks webhooks_;
  Workers workers_;
  std::stop_source stop_;
  std::mutex mutex_;  // guards all that follows
  std::condition_variable changed_;
  std::map<store::WebhookId, Clock::time_point> due_;
  std::set<store::WebhookId> busy_;
  std::set<store::WebhookId> slow_;  ///< whose last turn took long
  bool ending_ = false;
  std::thread thread_;
};

/// What is sent: `{"type": ..., "timestamp": ..., "data": {...}}`.
std::string webhook_body(const store::Event& event);

}  // namespace cooper::server
