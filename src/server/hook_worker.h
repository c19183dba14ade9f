#pragma once
// Does what webhooks asked for, after they have been answered.

#include "rack/rack.h"
#include "server/workers.h"
#include "store/hook_inbox.h"
#include "store/layout.h"

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace cooper::server {

/// Takes what is in the inbox: asks the repository where the branch is, and builds that, and then
/// deploys it if the app has a deployer. One app's at a time, several apps' at once. What the
/// server's end cuts off is done by the next one.
class HookWorker {
 public:
  HookWorker(rack::Rack& rack, store::Layout layout);
  ~HookWorker() { end(); }
  HookWorker(const HookWorker&) = delete;
  HookWorker& operator=(const HookWorker&) = delete;

  /// Begins, with what was accepted before.
  void start();
  /// The app has something in its inbox.
  void wake(const AppName& app);
  /// No more is begun; returns when nothing goes on.
  void end();

 private:
  using Clock = std::chrono::steady_clock;
  using Delay = std::optional<std::chrono::milliseconds>;  ///< until it is to be looked at again
  using Deliveries = std::vector<store::HookDelivery>;

  void schedule();
  void work(const AppName& app);
  Delay look_at(const AppName& app);
  Delay build(const AppName& app, Deliveries& accepted);
  std::string start_build(const AppName& app, const store::HookDelivery& newest);
  std::string find_build(const AppName& app, const std::string& commit);
  Delay deploy(const AppName& app, store::HookDelivery& delivery);
  Delay failed(const AppName& app, Deliveries& deliveries, const Error& error);
  void finish(const AppName& app, Deliveries& deliveries, const std::string& outcome);

  rack::Rack& rack_;
  store::Layout layout_;
  store::HookInbox inbox_;
  Workers workers_;
  std::stop_source stop_;
  std::mutex mutex_;  // guards all that follows
  std::condition_variable changed_;
  std::map<AppName, Clock::time_point> due_;
  std::set<AppName> busy_;
  bool ending_ = false;
  std::thread scheduler_;
};

}  // namespace cooper::server
