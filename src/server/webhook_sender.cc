#include "server/webhook_sender.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "rack/properties.h"
#include "server/hook_event.h"
#include "server/log_line.h"
#include "source/http_post.h"
#include "store/folder_lock.h"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <random>

namespace cooper::server {

namespace json = boost::json;

namespace {

using namespace std::chrono_literals;
using store::Event;
using store::EventKind;
using store::WebhookId;
using store::WebhookMessage;
using store::WebhookState;

/// Receivers at once; those that were slow the last time leave some for the others.
constexpr std::size_t kThreads = 32;
constexpr std::size_t kMostSlow = 24;
/// A receiver's messages, before others have their turn. Whose turn takes longer is slow.
constexpr auto kTurn = 2s;
constexpr std::size_t kWaiting = 4096;
/// Who raises an event is another process.
constexpr auto kLookForEvents = 250ms;
constexpr auto kLockedBySomebody = 5s;
constexpr auto kAnswersIn = 15s;
/// Between attempts; each a fifth longer or shorter, so that not all come back at once.
constexpr std::array<std::chrono::seconds, 8> kPauses = {2s, 15s, 1min, 5min, 30min, 2h, 6h, 15h};
/// A change that is not there by then was never made: its process has been killed.
constexpr auto kNeverLater = 60s;

std::chrono::milliseconds with_jitter(std::chrono::milliseconds pause) {
  static thread_local std::minstd_rand generator{std::random_device{}()};
  std::uniform_int_distribution<std::int64_t> fifth(-pause.count() / 5, pause.count() / 5);
  return pause + std::chrono::milliseconds(fifth(generator));
}

std::string seconds_of(Time time) {
  return std::to_string(
      std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
}

}  // namespace

std::string webhook_body(const Event& event) {
  json::object data;
  if (!event.app.empty()) data["app"] = event.app;
  switch (event.kind) {
    case EventKind::build_started:
    case EventKind::build_finished:
      data["build"] = json::parse(event.data.empty() ? "{}" : event.data);
      break;
    case EventKind::release_promoted:
      data["deploy"] = event.id;
      [[fallthrough]];
    case EventKind::release_created:
      data["release"] = json::parse(event.data.empty() ? "{}" : event.data);
      break;
    case EventKind::test:
      data["webhook"] = event.id;
      break;
  }
  return json::serialize(json::object{{"type", to_string(event.kind)},
                                      {"timestamp", to_rfc3339(event.at)},
                                      {"data", std::move(data)}});
}

WebhookSender::WebhookSender(rack::Rack& rack, store::Layout layout)
    : rack_(rack), layout_(layout), webhooks_(std::move(layout)), workers_(kThreads, kWaiting) {}

void WebhookSender::start() {
  std::vector<std::string> warnings;
  for (const store::Webhook& webhook : webhooks_.list(warnings)) due_[webhook.id] = Clock::now();
  for (const std::string& warning : warnings) log_error(warning);
  thread_ = std::thread([this] { run(); });
}

void WebhookSender::end() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    changed_.notify_one();
  }
  stop_.request_stop();
  if (thread_.joinable()) thread_.join();
  workers_.join();
}

void WebhookSender::run() {
  while (!stop_.stop_requested()) {
    try {
      take_events();
    } catch (const std::exception& error) {  // boundary: a thread; it is tried again
      log_error(std::string("webhooks: ") + error.what());
    }
    deliver_due();
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kLookForEvents, [this] { return ending_; });
  }
}

/// Each into the queues of those that are told of it; then it is done with. In that order, so that
/// a crash in between has it put there again, where it is already.
void WebhookSender::take_events() {
  for (const Event& event : raised_events(layout_)) {
    const Came came = came_to_be(event);
    if (came == Came::not_yet) continue;
    if (came == Came::never) {
      log_info("webhooks: " + std::string(to_string(event.kind)) + " of app " + event.app +
               " is dropped: it was noted, but " + event.id + " did not come to that");
    }
    std::vector<std::string> warnings;
    for (const store::Webhook& webhook : webhooks_.list(warnings)) {
      const auto app = AppName::parse(event.app);
      const bool is_told = event.kind == EventKind::test ? webhook.id.str() == event.id
                                                         : app && wants(webhook, event.kind, *app);
      if (came == Came::never || !is_told) continue;
      store::WebhookQueue(layout_, webhook.id)
          .add({.id = webhook_message_id(webhook.id, event),
                .event = std::string(to_string(event.kind)),
                .app = event.app,
                .subject = event.release.empty() ? event.id : event.release,
                .body = webhook_body(event),
                .created_at = event.at,
                .next_at = {now()},
                .attempts = {}});
      const std::lock_guard lock(mutex_);
      due_[webhook.id] = Clock::now();
    }
    drop_event(layout_, event);
  }
}

/// An event is noted before the change that it tells of, which a kill may have prevented.
WebhookSender::Came WebhookSender::came_to_be(const Event& event) {
  Came came = Came::yes;
  try {
    switch (event.kind) {
      case EventKind::build_started:
      case EventKind::build_finished:
        came = came_to_run(event);
        break;
      case EventKind::release_created:
        rack_.get_release(AppName::parse(event.app).value(), event.id);
        break;
      case EventKind::release_promoted:
        came = came_to_be_promoted(event);
        break;
      case EventKind::test:
        break;
    }
  } catch (const Error&) {  // adapter: it is not there, or can't be read now
    came = Came::not_yet;
  }
  const bool is_old = now() - event.at.at > kNeverLater;
  return came == Came::not_yet && is_old ? Came::never : came;
}

WebhookSender::Came WebhookSender::came_to_run(const Event& event) {
  const Build build =
      rack_.get_build(AppName::parse(event.app).value(), BuildId::parse(event.id).value()).build;
  const bool came = event.kind == EventKind::build_finished ? is_terminal(build.status)
                                                            : build.status != Status::queued;
  return came ? Came::yes : Came::not_yet;
}

WebhookSender::Came WebhookSender::came_to_be_promoted(const Event& event) {
  const AppName app = AppName::parse(event.app).value();
  if (rack_.get_app(app).deploy == event.id) return Came::yes;
  const Build deploy = rack_.get_build(app, BuildId::parse(event.id).value()).build;
  if (deploy.status == Status::succeeded) return Came::yes;
  return is_terminal(deploy.status) ? Came::never : Came::not_yet;
}

/// Who waits longest first.
void WebhookSender::deliver_due() {
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  std::vector<std::pair<Clock::time_point, WebhookId>> ready;
  for (const auto& [id, when] : due_) {
    if (when <= now && !busy_.contains(id)) ready.emplace_back(when, id);
  }
  std::ranges::sort(ready);
  const auto is_slow = [this](const WebhookId& id) { return slow_.contains(id); };
  auto slow = static_cast<std::size_t>(std::ranges::count_if(busy_, is_slow));
  for (const auto& [when, id] : ready) {
    if (is_slow(id) && slow >= kMostSlow) continue;
    if (!workers_.post([this, id = id] { work(id); })) return;
    if (is_slow(id)) ++slow;
    busy_.insert(id);
    due_.erase(id);
  }
}

void WebhookSender::work(const WebhookId& id) {
  const auto begun = Clock::now();
  Delay again;
  try {
    again = deliver(id);
  } catch (const std::exception& error) {  // boundary: a worker; it is tried again
    log_error("webhook " + id.str() + ": " + error.what());
    again = kLockedBySomebody;
  }
  const std::lock_guard lock(mutex_);
  busy_.erase(id);
  if (Clock::now() - begun > kTurn) {
    slow_.insert(id);
  } else {
    slow_.erase(id);
  }
  if (!again) return;
  const auto [at, is_new] = due_.emplace(id, Clock::now() + *again);
  if (!is_new) at->second = std::min(at->second, Clock::now() + *again);
}

/// What is due, for one turn; returns when the next one is.
WebhookSender::Delay WebhookSender::deliver(const WebhookId& id) {
  const auto webhook = webhooks_.find(id);
  const auto folder = layout_.webhook_queue(id.str());
  if (!webhook || !std::filesystem::exists(folder)) return std::nullopt;
  std::optional<store::FolderLock> lock;  // another server may have the same data root
  try {
    lock.emplace(open_file(folder, O_RDONLY | O_DIRECTORY),
                 store::LockName{.patience = 0s, .what = "a webhook's queue"});
  } catch (const Error&) {  // adapter: it does our work, or the webhook is removed
    return kLockedBySomebody;
  }
  store::WebhookQueue queue(layout_, id);
  queue.trim();
  const auto begun = Clock::now();
  Delay next;
  for (WebhookMessage& message : queue.list()) {
    if (message.state != WebhookState::waiting) continue;
    if (stop_.stop_requested()) return std::nullopt;
    if (message.next_at.at <= now()) {
      if (Clock::now() - begun > kTurn) return 0ms;
      attempt(*webhook, message);
      if (stop_.stop_requested() && message.state == WebhookState::waiting) return std::nullopt;
      queue.update(message);
    }
    if (message.state != WebhookState::waiting) continue;
    const auto wait = std::max<std::chrono::milliseconds>(
        std::chrono::ceil<std::chrono::milliseconds>(message.next_at.at - now()), 1ms);
    if (!next || wait < *next) next = wait;
  }
  return next;
}

void WebhookSender::attempt(const store::Webhook& webhook, WebhookMessage& message) {
  const Time begun = now();
  const std::string time = seconds_of(begun);
  store::WebhookAttempt tried{.at = {begun}, .error = {}};
  const bool anywhere = rack::effective_property(rack_, nullptr, "webhook-private") == "on";
  bool may_help = true;  // to try again
  try {
    tried.status = source::post(
        {.url = webhook.url,
         .headers = {"Content-Type: application/json", "webhook-id: " + message.id,
                     "webhook-timestamp: " + time,
                     "webhook-signature: " +
                         webhook_signature(webhook.secret, message.id, time, message.body)},
         .body = message.body,
         .reach = anywhere ? source::Reach::anywhere : source::Reach::internet,
         .time = kAnswersIn},
        stop_.get_token());
    if (tried.status < 200 || tried.status > 299) {
      tried.error = "it answers with HTTP " + std::to_string(tried.status);
    }
    may_help = tried.status != 410;  // it says so
  } catch (const Error& error) {     // boundary: an attempt, whose end is kept
    tried.error = printable(error.message());
    may_help = error.code() != Errc::denied && error.code() != Errc::invalid;
  }
  const Time ended = now();
  tried.took = std::chrono::duration_cast<std::chrono::milliseconds>(ended - begun);
  if (stop_.stop_requested() && !tried.error.empty()) return;  // of our own end
  message.attempts.push_back(tried);
  if (tried.error.empty()) {
    message.state = WebhookState::delivered;
  } else if (!may_help || message.attempts.size() > kPauses.size()) {
    message.state = WebhookState::failed;
    log_error("webhook " + webhook.id.str() + " has not been told of " + message.event + ": " +
              tried.error);
  } else {
    message.next_at = {ended + with_jitter(kPauses[message.attempts.size() - 1])};
  }
}

}  // namespace cooper::server
