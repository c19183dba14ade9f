#include "build/service_containers.h"

#include "base/error.h"
#include "base/pause.h"
#include "base/text.h"
#include "build/free_port.h"
#include "engine/docker_api.h"
#include "log/channel.h"

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>

namespace cooper::build {

namespace {

using Clock = std::chrono::steady_clock;

/// Between two looks at a container that is not healthy yet: most are soon, and those that are
/// not shall not fill their logs with our questions.
constexpr std::chrono::milliseconds kFirstLooks{200};
constexpr std::chrono::milliseconds kLaterLooks{1000};
constexpr std::chrono::seconds kSoon{3};
/// How long a container without a health check must stay up.
constexpr std::chrono::seconds kStaysUp{3};
/// Of a failed container's output in the log.
constexpr std::uint64_t kLastLines = 20;

/// 0: it has none of this protocol.
std::uint16_t first_port(const ServicePlan& service, std::string_view protocol) {
  const auto port = std::ranges::find(service.run.ports, protocol, &manifest::Port::protocol);
  return port == service.run.ports.end() ? 0 : port->number;
}

/// The engine's words for a port that is in use.
bool is_taken(const Error& error) {
  return error.message().find("already") != std::string::npos ||
         error.message().find("in use") != std::string::npos;
}

}  // namespace

void ServiceContainers::prepare(ServicePlan& service, const std::stop_token& stop) const {
  const engine::Containers& containers = parts_.containers;
  auto image = containers.find_image(service.image);
  if (!image) {
    if (service.pushed.empty()) {
      const std::string& engine = parts_.deploy.engine;
      throw Error(Errc::not_found,
                  "the image of service " + service.run.name.str() + " is not in " +
                      name_of(parts_.place) + ": " + service.image +
                      (engine.empty() ? "" : ", which " + engine + " made"),
                  "see the properties runtime and engine, or set a registry");
    }
    service.image = service.pushed;
    image = containers.find_image(service.image);
  }
  if (!image) {
    parts_.say("Pulling " + service.image);
    const engine::DockerApi api(containers.socket(), parts_.deploy.layout.registry_logins());
    const std::string problem = api.pull(
        service.image, [&](std::string_view line) { parts_.say(printable(line)); }, stop);
    if (problem.empty()) image = containers.find_image(service.image);
    if (!image) {
      throw Error(Errc::unavailable,
                  "image " + service.image + " can't be pulled: " + printable(problem));
    }
  }
  if (!service.run.ports.empty()) return;
  for (const auto& [number, protocol] : image->ports) {
    service.run.ports.push_back({.number = number, .protocol = protocol});
  }
  const std::uint16_t port = first_port(service, "tcp");
  if (port != 0) service.environment.emplace("PORT", std::to_string(port));
}

void ServiceContainers::make_network() {
  if (settings().network != "own") return;
  auto labels = own_labels(parts_.root, parts_.deploy.app);
  labels[kDeployLabel] = parts_.deploy.id.str();
  try {
    parts_.containers.create_network(network_name(parts_.deploy.app, parts_.deploy.id.str()),
                                     labels);
    has_network_ = true;
  } catch (const Error& error) {  // adapter: say what to do
    throw Error(error.code(), error.message(),
                "where there are no networks: cooper builds set network host -a " +
                    parts_.deploy.app.str());
  }
}

std::vector<engine::PortMapping> ServiceContainers::ports_of(const ServicePlan& service,
                                                             unsigned instance, Role role) const {
  std::vector<engine::PortMapping> mappings;
  if (settings().network == "host") return mappings;
  for (engine::PortMapping mapping : service.fixed) {
    if (mapping.container == 0) mapping.container = first_port(service, mapping.protocol);
    if (mapping.container == 0) {
      const std::string name = service.run.name.str();
      throw Error(Errc::invalid,
                  "the property publish does not say which port of service " + name +
                      " is meant: neither the manifest nor the image has one",
                  "say it: " + name + ":3000=" + std::to_string(mapping.host));
    }
    if (role == Role::trial || instance != 1) {
      mapping.address = "127.0.0.1";
      mapping.host = free_port(mapping.protocol);
    }
    mappings.push_back(std::move(mapping));
  }
  const auto add = [&](std::uint16_t number) {
    const bool is_there = std::ranges::any_of(mappings, [&](const engine::PortMapping& mapping) {
      return mapping.container == number && mapping.protocol == "tcp";
    });
    if (number == 0 || is_there) return;
    mappings.push_back({.container = number, .host = free_port("tcp")});
  };
  add(first_port(service, "tcp"));
  if (service.run.health) add(service.run.health->port);
  return mappings;
}

engine::NewContainer ServiceContainers::describe(const ServicePlan& service, unsigned instance,
                                                 Role role) const {
  const std::string& app = parts_.deploy.app.str();
  const std::string& deploy = parts_.deploy.id.str();
  const std::string& name = service.run.name.str();
  const bool has_own = settings().network == "own";
  engine::NewContainer container{
      .name = app + "." + name + "." + std::to_string(instance) + "." + deploy +
              (role == Role::trial ? ".trial" : ""),
      .image = service.image,
      .command = service.run.command,
      .environment = service.environment,
      .labels = own_labels(parts_.root, parts_.deploy.app),
      .ports = ports_of(service, instance, role),
      .network = has_own ? network_name(parts_.deploy.app, deploy) : settings().network,
      .alias = has_own ? name : app + "-" + name,
      .memory = service.run.memory,
      .cpus = service.run.cpus,
      .stop_timeout = service.run.stop_timeout.value_or(settings().stop_timeout)};
  container.labels[kDeployLabel] = deploy;
  container.labels[kReleaseLabel] = parts_.deploy.release.id.str();
  container.labels[kServiceLabel] = name;
  container.labels[kInstanceLabel] = std::to_string(instance);
  container.labels[kStopLabel] = std::to_string(container.stop_timeout.count());
  if (const auto& health = service.run.health) {
    container.labels[kHealthLabel] = health->path;
    container.labels[kHealthPortLabel] = std::to_string(health->port);
  }
  return container;
}

ServiceContainers::Started ServiceContainers::start(const ServicePlan& service, unsigned instance,
                                                    Role role) {
  constexpr int kAttempts = 3;
  const std::string name = service.run.name.str() + "." + std::to_string(instance);
  const bool is_choosy = role == Role::lasting && instance == 1 && !service.fixed.empty();
  for (int attempt = 1;; ++attempt) {
    const engine::NewContainer container = describe(service, instance, role);
    const std::string id = parts_.containers.create(container);
    made_.push_back(id);
    try {
      parts_.containers.start(id);
    } catch (const Error& error) {  // adapter: a free port may be taken by the time it is used
      if (is_choosy || attempt == kAttempts || !is_taken(error)) {
        throw Error(error.code(), name + ": " + error.message());
      }
      parts_.containers.remove(id);
      continue;
    }
    std::string line = name + " | Started container " + id.substr(0, 12);
    for (const engine::PortMapping& port : container.ports) line += ", " + engine::to_text(port);
    parts_.say(line + (role == Role::trial ? ", to try it" : ""));
    return {.name = name, .id = id, .health = service.run.health, .since = Clock::now()};
  }
}

void ServiceContainers::wait_until_healthy(std::vector<Started> waiting,
                                           const std::stop_token& stop) const {
  const auto began = Clock::now();
  for (;;) {
    std::erase_if(waiting, [&](const Started& started) {
      std::string why;
      if (is_healthy(started, stop, why)) {
        parts_.say(started.name + " | " + (why.empty() ? "Healthy" : why));
        return true;
      }
      const auto grace = started.health ? started.health->grace : std::chrono::seconds(0);
      if (Clock::now() - started.since > grace + settings().health_timeout) {
        fail(started,
             "is not healthy after " + to_text(grace + settings().health_timeout) + ": " + why);
      }
      return false;
    });
    if (waiting.empty()) return;
    if (!pause(Clock::now() - began < kSoon ? kFirstLooks : kLaterLooks, stop)) {
      throw Error(Errc::canceled, "canceled");
    }
  }
}

/// `why`: what it lacks, or what stands for health where nothing tells it.
bool ServiceContainers::is_healthy(const Started& started, const std::stop_token& stop,
                                   std::string& why) const {
  const auto container = parts_.containers.find(started.id);
  if (!container) fail(started, "is gone");
  if (container->restarts != 0 || !container->is_running()) {
    fail(started, container->restarts != 0 && container->is_running()
                      ? "has ended and was started again"
                      : "ended with exit code " + std::to_string(container->exit_code));
  }
  if (started.health) {
    why = health_problem(*container, started.health->timeout, stop).value_or("");
    return why.empty();
  }
  // Podman's HEALTHCHECKs are systemd's to run, which is not everywhere.
  if (!container->health.empty() && parts_.containers.api() == engine::ContainerApi::docker) {
    if (container->health == "unhealthy") fail(started, "is unhealthy: its HEALTHCHECK fails");
    why = container->health == "healthy" ? "" : "its HEALTHCHECK has not succeeded";
    return why.empty();
  }
  why = "Up for " + to_text(kStaysUp) + "; it has no health check";
  return Clock::now() - started.since > kStaysUp;
}

void ServiceContainers::fail(const Started& started, const std::string& why) const {
  try {
    log::Channel channel(parts_.deploy.log, started.name + " | ", &parts_.deploy.redactor);
    parts_.containers.logs(started.id, {.tail = kLastLines},
                           [&](std::string_view bytes) { channel.write(bytes); });
    channel.finish();
  } catch (const Error& error) {  // boundary: the failure itself counts
    parts_.say("warning: " + error.message());
  }
  throw Error(Errc::engine, started.name + " " + why);
}

void ServiceContainers::remove(const Started& container) {
  parts_.containers.remove(container.id);
  std::erase(made_, container.id);
}

void ServiceContainers::remove_everything() {
  std::mutex mutex;  // guards the log's lines
  const auto attempt = [&](auto&& action) {
    try {
      action();
    } catch (const Error& error) {  // boundary: the next deploy or prune removes it
      const std::lock_guard guard(mutex);
      parts_.say("warning: " + error.message());
    }
  };
  const std::vector<std::string> made = std::exchange(made_, {});
  {
    std::vector<std::jthread> threads;  // an engine takes its time for each
    for (const std::string& id : made) {
      threads.emplace_back([&] { attempt([&] { parts_.containers.remove(id); }); });
    }
  }
  if (!std::exchange(has_network_, false)) return;
  attempt([&] {
    parts_.containers.remove_network(network_name(parts_.deploy.app, parts_.deploy.id.str()));
  });
}

}  // namespace cooper::build
