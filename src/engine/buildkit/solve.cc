#include "engine/buildkit/solve.h"

#include "base/error.h"
#include "base/random.h"
#include "engine/platform.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <control.grpc.pb.h>
#include <deque>
#include <grpcpp/channel.h>
#include <mutex>
#include <thread>

namespace cooper::engine::buildkit {
namespace wire = moby::buildkit::v1;

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kIdleAfter{100};
// A daemon may never end the status of a solve that it refused, and ends a
// successful one's within milliseconds: after the solve's answer, silence of this
// length ends it from here.
constexpr std::chrono::milliseconds kSilenceAfterFailure{500};
constexpr std::chrono::seconds kSilence{5};
constexpr std::chrono::seconds kProbeLimit{10};
constexpr std::size_t kQueueLimit = 64;

Time to_time(const google::protobuf::Timestamp& stamp) {
  return Time(std::chrono::seconds(stamp.seconds()) + std::chrono::nanoseconds(stamp.nanos()));
}

StatusUpdate to_update(const wire::StatusResponse& response) {
  StatusUpdate update;
  for (const wire::Vertex& vertex : response.vertexes()) {
    Vertex& added = update.vertexes.emplace_back(
        Vertex{.digest = vertex.digest(),
               .inputs = {vertex.inputs().begin(), vertex.inputs().end()},
               .name = vertex.name(),
               .cached = vertex.cached(),
               .error = vertex.error()});
    if (vertex.has_started()) added.started = to_time(vertex.started());
    if (vertex.has_completed()) added.completed = to_time(vertex.completed());
  }
  for (const wire::VertexStatus& status : response.statuses()) {
    update.statuses.push_back({.vertex = status.vertex(),
                               .id = status.id(),
                               .current = status.current(),
                               .total = status.total(),
                               .completed = status.has_completed()});
  }
  for (const wire::VertexLog& log : response.logs()) {
    update.logs.push_back({.vertex = log.vertex(), .bytes = log.msg()});
  }
  for (const wire::VertexWarning& warning : response.warnings()) {
    update.warnings.push_back(warning.short_());
  }
  return update;
}

/// What the two calls' threads tell the one that waits.
class Events {
 public:
  /// Waits while too much is queued: a slow reader slows the daemon, and no memory fills.
  void push(StatusUpdate update) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return updates_.size() < kQueueLimit; });
    updates_.push_back(std::move(update));
    news_.notify_one();
  }
  void status_ended() {
    const std::lock_guard lock(mutex_);
    status_ended_ = true;
    news_.notify_one();
  }
  void solve_ended() {
    const std::lock_guard lock(mutex_);
    solve_ended_ = true;
    news_.notify_one();
  }

  struct News {
    std::deque<StatusUpdate> updates;
    bool status_ended = false;
    bool solve_ended = false;
  };
  /// What came, after at most `limit`.
  News wait(std::chrono::milliseconds limit, bool solve_was_ended) {
    std::unique_lock lock(mutex_);
    news_.wait_for(lock, limit, [&] {
      return !updates_.empty() || status_ended_ || (solve_ended_ && !solve_was_ended);
    });
    News news{
        .updates = std::move(updates_), .status_ended = status_ended_, .solve_ended = solve_ended_};
    updates_.clear();
    room_.notify_one();
    return news;
  }

 private:
  std::mutex mutex_;
  std::condition_variable news_;
  std::condition_variable room_;
  std::deque<StatusUpdate> updates_;
  bool status_ended_ = false;
  bool solve_ended_ = false;
};

wire::SolveRequest to_request(const SolveOrder& order, const std::string& ref) {
  wire::SolveRequest request;
  request.set_ref(ref);
  request.set_session(order.session);
  request.set_frontend("dockerfile.v0");
  for (const auto& [key, value] : order.frontend) (*request.mutable_frontendattrs())[key] = value;
  request.set_exporter(order.exporter);
  for (const auto& [key, value] : order.exporter_attributes) {
    (*request.mutable_exporterattrs())[key] = value;
  }
  for (const std::string& entitlement : order.entitlements) request.add_entitlements(entitlement);
  if (!order.cache_export.empty()) {
    wire::CacheOptionsEntry& entry = *request.mutable_cache()->add_exports();
    entry.set_type(order.cache_export);
    for (const auto& [key, value] : order.cache_export_attributes) {
      (*entry.mutable_attrs())[key] = value;
    }
  }
  return request;
}

/// A connection that ends in the middle of an answer is UNKNOWN to gRPC, with this text alone.
bool is_cut_off(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE ||
         (status.error_code() == grpc::StatusCode::UNKNOWN && status.error_details().empty() &&
          status.error_message() == "Stream removed");
}

/// The two calls of one solve, each on a thread.
class Solve {
 public:
  Solve(const std::shared_ptr<grpc::Channel>& channel, const SolveOrder& order)
      : stub_(wire::Control::NewStub(channel)),
        ref_(random_base36(25)),
        request_(to_request(order, ref_)) {
    solving_ = std::thread([this] {
      status_ = stub_->Solve(&solve_context_, request_, &response_);
      events_.solve_ended();
    });
    watching_ = std::thread([this] {
      watch();
      events_.status_ended();
    });
  }
  ~Solve() {
    cancel();
    status_context_.TryCancel();
    solving_.join();
    watching_.join();
  }
  Solve(const Solve&) = delete;
  Solve& operator=(const Solve&) = delete;

  void cancel() { solve_context_.TryCancel(); }

  /// Returns when both calls have ended.
  void follow(const SolveListener& listener, const std::stop_token& stop) {
    Clock::time_point last_sign = Clock::now();
    bool solve_ended = false;
    for (;;) {
      Events::News news = events_.wait(kIdleAfter, solve_ended);
      if (!news.updates.empty() || news.solve_ended != solve_ended) last_sign = Clock::now();
      solve_ended = news.solve_ended;
      for (const StatusUpdate& update : news.updates) listener.update(update);
      if (news.updates.empty()) listener.idle();
      if (!solve_ended) {
        if (news.status_ended) std::this_thread::sleep_for(std::chrono::milliseconds(5));
        continue;
      }
      if (news.status_ended) return;
      // A canceled one's status ends when the daemon has killed what ran.
      const bool refused = !status_.ok() && !stop.stop_requested();
      if (Clock::now() - last_sign > (refused ? kSilenceAfterFailure : kSilence)) {
        status_context_.TryCancel();
      }
    }
  }

  SolveResult result(const std::stop_token& stop) const {
    SolveResult result;
    if (status_.ok()) {
      result.end = SolveResult::End::made;
      for (const auto& [key, value] : response_.exporterresponse()) result.response[key] = value;
      return result;
    }
    result.message = status_.error_message();
    result.details = status_.error_details();
    if (stop.stop_requested()) {
      result.end = SolveResult::End::canceled;
    } else if (is_cut_off(status_)) {
      result.end = SolveResult::End::cut_off;
    }
    return result;
  }

 private:
  void watch() {
    wire::StatusRequest request;
    request.set_ref(ref_);
    const auto reader = stub_->Status(&status_context_, request);
    wire::StatusResponse response;
    while (reader->Read(&response)) events_.push(to_update(response));
    reader->Finish();
  }

  std::unique_ptr<wire::Control::Stub> stub_;
  std::string ref_;
  wire::SolveRequest request_;
  wire::SolveResponse response_;
  grpc::Status status_;  // of the solve, once it has ended
  grpc::ClientContext solve_context_;
  grpc::ClientContext status_context_;
  Events events_;
  std::thread solving_;
  std::thread watching_;
};

}  // namespace

SolveResult solve(const std::shared_ptr<grpc::Channel>& channel, const SolveOrder& order,
                  const SolveListener& listener, std::stop_token stop) {
  Solve solve(channel, order);
  {
    const std::stop_callback on_stop(stop, [&] { solve.cancel(); });
    solve.follow(listener, stop);
  }
  return solve.result(stop);
}

namespace {

wire::ListWorkersResponse list_workers(const std::shared_ptr<grpc::Channel>& channel) {
  const auto stub = wire::Control::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kProbeLimit);
  wire::ListWorkersResponse workers;
  const grpc::Status status = stub->ListWorkers(&context, {}, &workers);
  if (!status.ok()) {
    throw Error(Errc::unavailable,
                "the BuildKit daemon does not answer: " + status.error_message());
  }
  return workers;
}

}  // namespace

std::vector<std::string> platforms_of(const std::shared_ptr<grpc::Channel>& channel) {
  std::vector<std::string> platforms;
  const wire::ListWorkersResponse workers = list_workers(channel);
  for (const wire::WorkerRecord& worker : workers.record()) {
    for (const wire::Platform& each : worker.platforms()) {
      const std::string text = each.os() + "/" + each.architecture() +
                               (each.variant().empty() ? "" : "/" + each.variant());
      const auto platform = parse_platform(text);
      if (platform && std::ranges::find(platforms, *platform) == platforms.end()) {
        platforms.push_back(*platform);
      }
    }
  }
  return platforms;
}

std::string exporter_of(const std::shared_ptr<grpc::Channel>& channel) {
  const wire::ListWorkersResponse workers = list_workers(channel);
  // Stand-alone daemons name their executor; the one in a Docker Engine does not.
  for (const wire::WorkerRecord& worker : workers.record()) {
    if (worker.labels().contains("org.mobyproject.buildkit.worker.executor")) return "image";
  }
  return "moby";
}

std::string version_of(const std::shared_ptr<grpc::Channel>& channel, const std::string& place) {
  const auto stub = wire::Control::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kProbeLimit);
  wire::InfoResponse info;
  const grpc::Status status = stub->Info(&context, {}, &info);
  if (status.ok()) return info.buildkitversion().version();
  if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) return "";
  throw Error(Errc::unavailable, place + " does not answer: " + status.error_message());
}

}  // namespace cooper::engine::buildkit
