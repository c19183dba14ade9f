// LocalRack's verbs about the containers of apps.

#include "base/error.h"
#include "base/pause.h"
#include "base/text.h"
#include "build/app_containers.h"
#include "build/settings.h"
#include "log/line_splitter.h"
#include "rack/local_rack.h"
#include "store/deploy_lock.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <tuple>
#include <utility>

namespace cooper::rack {

namespace {

/// A health check in a list is somebody's wait.
constexpr std::chrono::milliseconds kHealthLimit{2000};

std::string_view to_text(build::DeployerKind kind) {
  switch (kind) {
    case build::DeployerKind::none:
      return "none";
    case build::DeployerKind::command:
      return "command";
    case build::DeployerKind::containers:
      return "containers";
  }
  return "";
}

/// Throws Error{conflict} if the app never had any.
build::AppContainers open_containers(const store::FileStore& store, const AppName& app) {
  build::AppContainers open(store.layout(), app);
  if (open.note()) return open;
  std::vector<std::string> warnings;
  const auto kind = build::read_settings(store, app, warnings).deployer;
  if (kind == build::DeployerKind::containers) {
    throw Error(Errc::conflict, "app " + app.str() + " has no containers yet",
                "deploy a release: cooper releases promote -a " + app.str());
  }
  throw Error(
      Errc::conflict,
      "app " + app.str() + " has no containers: its deployer is " + std::string(to_text(kind)),
      "to have cooper run them: cooper builds set deployer containers -a " + app.str());
}

std::string health_of(const engine::Container& container) {
  if (!container.is_running()) return "";
  const auto problem = build::health_problem(container, kHealthLimit);
  if (!problem) return container.health;
  return problem->empty() ? "healthy" : "unhealthy";
}

/// Those of the query's service; throws Error{not_found} if that has none.
std::vector<build::OwnedContainer> containers_of(const build::AppContainers& open,
                                                 const ContainerLogQuery& query) {
  std::vector<build::OwnedContainer> all = open.list();
  std::erase_if(all, [&](const build::OwnedContainer& owned) {
    return !query.service.empty() && owned.container.label(build::kServiceLabel) != query.service;
  });
  return all;
}

Error no_containers(const ContainerLogQuery& query) {
  const std::string& app = query.app.str();
  if (query.service.empty()) {
    return {Errc::not_found, "app " + app + " has no container",
            "deploy a release: cooper releases promote -a " + app};
  }
  return {Errc::not_found, "service " + query.service + " of app " + app + " has no container",
          "`cooper ps -a " + app + "` lists those that there are"};
}

/// A message of a log with timestamps: its time, if it has one, and the message.
std::pair<std::optional<Time>, std::string_view> take_time(std::string_view message) {
  const std::size_t space = std::min(message.find(' '), message.size());
  const auto time = parse_rfc3339(message.substr(0, space));
  if (!time) return {std::nullopt, message};
  return {time->at, message.substr(std::min(space + 1, message.size()))};
}

/// Follows each container's log on a thread of its own.
class LogFollowers {
 public:
  LogFollowers(const ContainerLogQuery& query, const Rack::ContainerLine& line,
               std::stop_token stop)
      : query_(query), line_(line), asked_(std::move(stop), Forward{ended_}) {}
  ~LogFollowers() { ended_.request_stop(); }
  LogFollowers(const LogFollowers&) = delete;
  LogFollowers& operator=(const LogFollowers&) = delete;

  /// Follows those that it does not know, from their beginning if they came later, and those that
  /// have ended and were started again. `open`: where they are.
  void look(const std::shared_ptr<const build::AppContainers>& open,
            const std::vector<build::OwnedContainer>& all) {
    for (const build::OwnedContainer& owned : all) {
      const auto [place, is_new] = followed_.try_emplace(owned.container.id);
      Followed& followed = place->second;
      engine::ContainerLogs which{
          .follow = true, .tail = query_.tail, .since = query_.since, .timestamps = true};
      if (!is_first_look_) which.tail.reset();
      if (!is_new) {
        if (!followed.has_ended) continue;
        const bool is_another_run = owned.container.started != followed.started;
        if (!owned.container.is_running() && !is_another_run) continue;
        if (followed.last) which.since = followed.last;
      }
      followed.has_ended = false;
      followed.started = owned.container.started;
      // The engine's connection is kept for as long as it is asked.
      followed.thread =
          std::jthread([this, open, owned, which, &followed] { follow(owned, which, followed); });
    }
    is_first_look_ = false;
  }

  /// False on a stop request.
  bool wait(std::chrono::milliseconds time) { return pause(time, ended_.get_token()); }

 private:
  struct Forward {
    std::stop_source& ended;
    void operator()() const { ended.request_stop(); }
  };

  struct Followed {
    std::optional<Time> started;  ///< the run that it was in
    std::optional<Time> last;     ///< of the last message; its thread's, until that has ended
    std::atomic<bool> has_ended = false;
    std::jthread thread;  // last: it uses the others
  };

  void follow(const build::OwnedContainer& owned, const engine::ContainerLogs& which,
              Followed& followed) {
    const std::optional<Time> seen = followed.last;  // `since` is exact to the second alone
    const std::string name = build::instance_name(owned.container);
    log::LineSplitter lines([&](std::string_view text) {
      const std::lock_guard guard(mutex_);
      line_(name, text);
    });
    try {
      owned.containers->logs(
          owned.container.id, which,
          [&](std::string_view message) {
            const auto [time, text] = take_time(message);
            if (time && seen && *time <= *seen) return;
            if (time) followed.last = time;
            lines.feed(text);
          },
          ended_.get_token());
    } catch (const std::exception&) {  // boundary: it was removed, or nobody reads
    }
    try {
      lines.finish();
    } catch (const std::exception&) {  // boundary: nobody reads
    }
    followed.has_ended = true;
  }

  const ContainerLogQuery& query_;
  const Rack::ContainerLine& line_;
  std::stop_source ended_;
  std::stop_callback<Forward> asked_;
  std::mutex mutex_;
  bool is_first_look_ = true;
  std::map<std::string, Followed> followed_;  // by id
};

}  // namespace

std::vector<ServiceContainer> LocalRack::list_containers(const AppName& app) {
  const App facts = require_app(app);
  const build::AppContainers open = open_containers(store_, app);
  std::vector<ServiceContainer> all;
  for (build::OwnedContainer& owned : open.list()) {
    engine::Container& container = owned.container;
    ServiceContainer view{
        .service = container.label(build::kServiceLabel),
        .instance =
            static_cast<unsigned>(parse_number(container.label(build::kInstanceLabel)).value_or(1)),
        .engine = owned.place.api == engine::ContainerApi::docker ? "docker" : "podman",
        .release = container.label(build::kReleaseLabel),
        .deploy = container.label(build::kDeployLabel)};
    view.active = view.deploy == facts.deploy;
    view.health = health_of(container);
    if (view.active && open.note()->stopped && container.state == "exited") {
      container.state = "stopped";
      container.ports.clear();
    }
    view.container = std::move(container);
    all.push_back(std::move(view));
  }
  std::ranges::sort(all, {}, [](const ServiceContainer& view) {
    return std::tuple(view.service, view.instance, view.deploy);
  });
  return all;
}

void LocalRack::read_container_logs(const ContainerLogQuery& query, const ContainerLine& line) {
  require_app(query.app);
  const build::AppContainers open = open_containers(store_, query.app);
  const auto all = containers_of(open, query);
  if (all.empty()) throw no_containers(query);
  struct Line {
    Time time;
    std::string container;
    std::string text;
  };
  std::vector<Line> lines;
  for (const build::OwnedContainer& owned : all) {
    const std::string name = build::instance_name(owned.container);
    Time last{};
    log::LineSplitter splitter([&](std::string_view text) {
      lines.push_back({last, name, std::string(text)});
    });
    owned.containers->logs(owned.container.id,
                           {.tail = query.tail, .since = query.since, .timestamps = true},
                           [&](std::string_view message) {
                             const auto [time, text] = take_time(message);
                             last = time.value_or(last);
                             splitter.feed(text);
                           });
    splitter.finish();
  }
  std::ranges::stable_sort(lines, {}, &Line::time);
  for (const Line& entry : lines) line(entry.container, entry.text);
}

void LocalRack::follow_container_logs(const ContainerLogQuery& query, const ContainerLine& line,
                                      std::stop_token stop) {
  constexpr std::chrono::milliseconds kLook{500};
  require_app(query.app);
  auto open = std::make_shared<const build::AppContainers>(open_containers(store_, query.app));
  if (containers_of(*open, query).empty()) throw no_containers(query);
  LogFollowers followers(query, line, stop);
  do {
    const auto note = build::read_note(layout_, query.app);
    if (note && note->places != open->note()->places) {  // a deploy in another engine
      open = std::make_shared<const build::AppContainers>(open_containers(store_, query.app));
    }
    followers.look(open, containers_of(*open, query));
  } while (followers.wait(kLook));
}

std::size_t LocalRack::stop_containers(const AppName& app) {
  require_app(app);
  open_containers(store_, app);
  const store::DeployLock lock = lock_idle(app);
  return build::stop_containers(store_, app);
}

}  // namespace cooper::rack
