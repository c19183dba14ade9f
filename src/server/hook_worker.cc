#include "server/hook_worker.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "build/settings.h"
#include "rack/properties.h"
#include "server/log_line.h"
#include "server/no_progress.h"
#include "store/file_store.h"
#include "store/folder_lock.h"

#include <algorithm>
#include <array>
#include <fcntl.h>

namespace cooper::server {

namespace {

using namespace std::chrono_literals;
using store::HookDelivery;
using store::HookState;

/// Apps at once: each may wait for a push of its app that is being built.
constexpr std::size_t kThreads = 16;
constexpr std::size_t kWaiting = 4096;
constexpr auto kLookAgain = 1s;
constexpr auto kLockedBySomebody = 5s;
/// Between attempts while a server can't be reached, or the disk is full.
constexpr std::array<std::chrono::milliseconds, 5> kPauses = {10s, 60s, 5min, 15min, 1h};

}  // namespace

HookWorker::HookWorker(rack::Rack& rack, store::Layout layout)
    : rack_(rack), layout_(layout), inbox_(std::move(layout)), workers_(kThreads, kWaiting) {}

void HookWorker::start() {
  for (const AppName& app : inbox_.apps()) due_[app] = Clock::now();
  scheduler_ = std::thread([this] { schedule(); });
}

void HookWorker::wake(const AppName& app) {
  const std::lock_guard lock(mutex_);
  due_[app] = Clock::now();
  changed_.notify_one();
}

void HookWorker::end() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    changed_.notify_one();
  }
  stop_.request_stop();
  if (scheduler_.joinable()) scheduler_.join();
  workers_.join();
}

/// Hands apps to workers when they are due.
void HookWorker::schedule() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    const auto now = Clock::now();
    auto next = now + 1h;
    for (auto at = due_.begin(); at != due_.end();) {
      const auto [app, when] = *at;
      if (busy_.contains(app)) {
        ++at;  // its worker tells us when it is done
      } else if (when > now) {
        next = std::min(next, when);
        ++at;
      } else if (workers_.post([this, app = app] { work(app); })) {
        busy_.insert(app);
        at = due_.erase(at);
      } else {
        next = std::min(next, now + kLookAgain);
        ++at;
      }
    }
    changed_.wait_until(lock, next);
  }
}

void HookWorker::work(const AppName& app) {
  Delay again;
  try {
    again = look_at(app);
  } catch (const std::exception& error) {  // boundary: a worker; it is tried again
    log_error("webhooks of app " + app.str() + ": " + error.what());
    again = kPauses[0];
  }
  const std::lock_guard lock(mutex_);
  busy_.erase(app);
  if (again) {
    const auto when = Clock::now() + *again;
    const auto [at, is_new] = due_.emplace(app, when);
    if (!is_new) at->second = std::min(at->second, when);
  }
  changed_.notify_one();
}

HookWorker::Delay HookWorker::look_at(const AppName& app) {
  Deliveries all = inbox_.list(app);
  std::erase_if(all, [](const HookDelivery& one) { return one.state == HookState::done; });
  if (all.empty() || stop_.stop_requested()) return std::nullopt;
  std::optional<store::FolderLock> lock;  // another server may have the same data root
  try {
    lock.emplace(open_file(layout_.hooks(app), O_RDONLY | O_DIRECTORY),
                 store::LockName{.patience = 0s, .what = "webhooks", .stop = stop_.get_token()});
  } catch (const Error& error) {                               // adapter: it does our work
    if (error.code() == Errc::not_found) return std::nullopt;  // deleted with its app
    return kLockedBySomebody;
  }
  Deliveries accepted;
  Delay again;
  const auto sooner = [&again](Delay other) {
    if (other && (!again || *other < *again)) again = other;
  };
  for (HookDelivery& delivery : inbox_.list(app)) {
    if (delivery.state == HookState::accepted)
      accepted.push_back(std::move(delivery));
    else if (delivery.state == HookState::building)
      sooner(deploy(app, delivery));
  }
  if (!accepted.empty()) sooner(build(app, accepted));
  return again;
}

/// All that waits, at once: what is built is what the branch is at now, whoever said so first.
HookWorker::Delay HookWorker::build(const AppName& app, Deliveries& accepted) {
  // Of branches that were the deploy branch one after the other the newest counts.
  const std::string branch = accepted.front().branch;
  Deliveries same;
  Deliveries others;
  for (HookDelivery& one : accepted)
    (one.branch == branch ? same : others).push_back(std::move(one));
  finish(app, others, "ignored: " + branch + " has been pushed since");
  std::string id;
  try {
    id = start_build(app, same.front());
  } catch (const Error& error) {  // boundary: a delivery, whose end is said
    return failed(app, same, error);
  }
  if (id.empty()) {
    finish(app, same, "nothing new: what the branch is at has been built");
    return std::nullopt;
  }
  const bool deploys = rack::effective_property(rack_, &app, "deployer") != "none";
  for (HookDelivery& one : same) one.build = id;
  if (deploys) {  // one of them sees to it
    same.front().state = HookState::building;
    same.front().outcome.clear();
    inbox_.update(app, same.front());
    same.erase(same.begin());
  }
  finish(app, same, "build " + id + " was started");
  return deploys ? Delay(kLookAgain) : std::nullopt;
}

/// The build's id; empty if there is nothing to build.
std::string HookWorker::start_build(const AppName& app, const HookDelivery& newest) {
  std::vector<std::string> warnings;
  const auto settings = build::read_settings(store::FileStore(layout_), app, warnings);
  if (settings.webhook_url.empty()) {
    throw Error(Errc::invalid, "the property webhook-url is not set any more");
  }
  NoProgress progress;
  const rack::Synced synced = rack_.sync_git(
      {.app = app, .url = settings.webhook_url, .ref = "refs/heads/" + newest.branch}, progress,
      stop_.get_token());
  if (!synced.changed) {
    const std::string earlier = find_build(app, synced.checkout.commit);
    if (!earlier.empty()) {
      // Started for this delivery, before a crash: its deploy is still to come.
      const rack::BuildView view = rack_.get_build(app, BuildId::parse(earlier).value());
      const bool is_ours =
          view.build.source == "git:sync" && view.build.started_at.at >= newest.received_at.at;
      return is_ours ? earlier : std::string();
    }
  }
  return rack_
      .build_commit(
          {.app = app,
           .checkout = synced.checkout,
           .url = settings.webhook_url,
           .request = {.source = "git:sync", .git_url = synced.url, .branch = synced.branch}},
          progress, stop_.get_token())
      .id.str();
}

/// The newest build of a commit; empty: there is none.
std::string HookWorker::find_build(const AppName& app, const std::string& commit) {
  const rack::BuildPage page = rack_.find_builds({.app = app, .kind = Kind::build});
  const auto found = std::ranges::find_if(
      page.builds, [&](const rack::BuildView& view) { return view.build.git_sha == commit; });
  return found == page.builds.end() ? "" : found->build.id.str();
}

/// Once its build has succeeded.
HookWorker::Delay HookWorker::deploy(const AppName& app, HookDelivery& delivery) {
  Deliveries one;
  try {
    const rack::BuildView view = rack_.get_build(app, BuildId::parse(delivery.build).value());
    if (view.status == DisplayStatus::queued || view.status == DisplayStatus::running) {
      return kLookAgain;
    }
    one.push_back(delivery);
    const std::string what = "build " + delivery.build + " ";
    if (view.status != DisplayStatus::succeeded) {
      finish(app, one, what + std::string(to_string(view.status)));
      return std::nullopt;
    }
    const std::string release = view.build.release;
    if (rack_.get_app(app).release != release) {
      NoProgress progress;
      rack_.start_deploy({.app = app,
                          .release = release,
                          .create = rack::NewRelease{.app = app, .build_from = release},
                          .if_locked = rack::IfLocked::fail},
                         progress, stop_.get_token());
    }
    finish(app, one, what + "succeeded; its release " + release + " is being deployed");
    return std::nullopt;
  } catch (const Error& error) {  // boundary: a delivery, whose end is said
    if (error.code() == Errc::conflict) return kLockedBySomebody;  // another deploy runs
    if (one.empty()) one.push_back(delivery);
    return failed(app, one, error);
  }
}

/// Again later, where that may help; else it is over.
HookWorker::Delay HookWorker::failed(const AppName& app, Deliveries& deliveries,
                                     const Error& error) {
  if (error.code() == Errc::canceled && stop_.stop_requested()) return std::nullopt;
  const unsigned before = deliveries.front().failures;
  const std::string message = printable(error.message());
  if (error.code() != Errc::unavailable || before >= kPauses.size()) {
    finish(app, deliveries, "failed: " + message);
    return std::nullopt;
  }
  for (HookDelivery& one : deliveries) {
    one.failures = before + 1;
    one.outcome = "will be tried again: " + message;
    inbox_.update(app, one);
  }
  return kPauses[before];
}

void HookWorker::finish(const AppName& app, Deliveries& deliveries, const std::string& outcome) {
  for (HookDelivery& one : deliveries) {
    one.state = HookState::done;
    one.outcome = outcome;
    inbox_.update(app, one);
  }
  if (!deliveries.empty()) log_info("webhooks of app " + app.str() + ": " + outcome);
}

}  // namespace cooper::server
