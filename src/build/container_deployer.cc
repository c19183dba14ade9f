#include "build/container_deployer.h"

#include "base/error.h"
#include "build/root_id.h"
#include "build/watch.h"

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>

namespace cooper::build {

void ContainerDeployer::say(const std::string& line) {
  clock_.touch();
  parts_.log.append(parts_.redactor.redact(line) + "\n");
}

Outcome ContainerDeployer::deploy() {
  Outcome outcome = run_watched(parts_.settings, clock_,
                                [this](const std::stop_token& stop) { return work(stop); });
  outcome.reason = parts_.redactor.redact(outcome.reason);
  return outcome;
}

Outcome ContainerDeployer::work(const std::stop_token& stop) {
  say("Deploying release " + parts_.release.id.str() + " of build " + parts_.release.build);
  services_ = plan_services(parts_.release, parts_.pushed, parts_.settings);
  remove_leftovers();
  open_engines();
  try {
    for (ServicePlan& service : services_) new_ones_->prepare(service, stop);
    new_ones_->make_network();
    run_new_ones(stop);
    parts_.activate();
  } catch (const std::exception&) {  // boundary: what ran before runs on, or again
    undo();
    throw;
  }
  end_old_ones();
  return {.status = Status::succeeded, .exit_code = 0};
}

/// What an earlier deploy left behind must neither hold ports nor be taken for active.
void ContainerDeployer::remove_leftovers() {
  try {
    settle_containers(store::FileStore(parts_.layout), parts_.app);
  } catch (const Error& error) {  // boundary: an engine that is gone keeps no app from another
    warn(error);
  }
}

void ContainerDeployer::open_engines() {
  const std::string root = make_root_id(parts_.layout).text;
  place_ = choose_place(parts_.settings.runtime, parts_.engine);
  note_ = read_note(parts_.layout, parts_.app).value_or(ContainerNote{});
  if (std::ranges::find(note_.places, place_) == note_.places.end()) {
    note_.places.push_back(place_);
    write_note(parts_.layout, parts_.app, note_);  // before there is anything to be found
  }
  engines_.emplace(parts_.layout, parts_.app);
  const engine::Containers& containers = engines_->at(place_);
  new_ones_.emplace(
      ServiceContainers::Parts{.deploy = parts_,
                               .place = place_,
                               .containers = containers,
                               .root = root,
                               .say = [this](const std::string& line) { say(line); }});
  const auto app = store::FileStore(parts_.layout).find_app(parts_.app);
  for (OwnedContainer& owned : engines_->list()) {
    if (!app || owned.container.label(kDeployLabel) != app->deploy) continue;
    old_ones_.push_back({.owned = std::move(owned)});
  }
  say("Containers run in " + name_of(place_));
}

/// Active containers that the service's first one can't run beside.
std::vector<std::size_t> ContainerDeployer::in_the_way_of(const ServicePlan& service) const {
  std::vector<std::size_t> found;
  for (std::size_t at = 0; at < old_ones_.size(); ++at) {
    const engine::Container& old = old_ones_[at].owned.container;
    const bool shares_host = old.label(kServiceLabel) == service.run.name.str() &&
                             (on_host_network() || old.is_on_host_network());
    const bool shares_port = std::ranges::any_of(service.fixed, [&](const auto& wanted) {
      return std::ranges::any_of(old.ports, [&](const engine::PortMapping& had) {
        return had.host == wanted.host && had.protocol == wanted.protocol;
      });
    });
    if (old.is_running() && (shares_host || shares_port)) found.push_back(at);
  }
  return found;
}

void ContainerDeployer::run_new_ones(const std::stop_token& stop) {
  std::vector<const ServicePlan*> replaced;
  std::vector<ServiceContainers::Started> started;
  std::vector<ServiceContainers::Started> trials;
  for (const ServicePlan& service : services_) {
    if (service.run.count == 0) continue;
    const bool is_replaced = !in_the_way_of(service).empty();
    if (is_replaced) replaced.push_back(&service);
    if (is_replaced && on_host_network()) continue;
    for (unsigned instance = 1; instance <= service.run.count; ++instance) {
      if (is_replaced && instance == 1) {
        trials.push_back(new_ones_->start(service, 1, ServiceContainers::Role::trial));
        started.push_back(trials.back());
      } else {
        started.push_back(new_ones_->start(service, instance, ServiceContainers::Role::lasting));
      }
    }
  }
  new_ones_->wait_until_healthy(std::move(started), stop);
  replace(replaced, stop);
  for (const ServiceContainers::Started& trial : trials) new_ones_->remove(trial);
}

/// From the stop of the active ones to the health of the new ones nobody answers at their ports.
void ContainerDeployer::replace(const std::vector<const ServicePlan*>& services,
                                const std::stop_token& stop) {
  std::vector<ServiceContainers::Started> started;
  for (const ServicePlan* service : services) {
    for (const std::size_t old : in_the_way_of(*service)) make_way(old);
    const unsigned last = on_host_network() ? service->run.count : 1;
    for (unsigned instance = 1; instance <= last; ++instance) {
      started.push_back(new_ones_->start(*service, instance, ServiceContainers::Role::lasting));
    }
  }
  new_ones_->wait_until_healthy(std::move(started), stop);
}

void ContainerDeployer::make_way(std::size_t index) {
  Old& old = old_ones_[index];
  if (old.was_stopped) return;
  const engine::Container& container = old.owned.container;
  note_.stopping.push_back(container.id);
  write_note(parts_.layout, parts_.app, note_);  // whoever comes after a crash starts it again
  say(instance_name(container) + " | Stopping container " + container.id.substr(0, 12) +
      ", in whose place a new one comes");
  old.was_stopped = true;
  old.owned.containers->stop(container.id, stop_timeout_of(container));
}

/// The release is the active one: whatever can't be done now, the next prune does.
void ContainerDeployer::end_old_ones() {
  bool all_are_gone = true;
  std::mutex mutex;  // guards all_are_gone and the log's lines
  const auto attempt = [&](const std::string& done, auto&& action) {
    std::string line = done;
    try {
      action();
    } catch (const Error& error) {  // boundary: see above
      line = "warning: " + error.message();
    }
    const std::lock_guard guard(mutex);
    all_are_gone = all_are_gone && line == done;
    if (!line.empty()) say(line);
  };
  {
    std::vector<std::jthread> threads;
    for (const Old& old : old_ones_) {
      threads.emplace_back([&] {
        const engine::Containers* const containers = old.owned.containers;
        const engine::Container& container = old.owned.container;
        attempt(instance_name(container) + " | Stopped container " + container.id.substr(0, 12) +
                    " of release " + container.label(kReleaseLabel),
                [&] {
                  containers->stop(container.id, stop_timeout_of(container));
                  containers->remove(container.id);
                });
      });
    }
  }
  attempt("", [&] {
    engines_->remove_networks([&](const std::string& deploy) { return deploy != parts_.id.str(); });
  });
  attempt("", [&] {
    note_.stopping.clear();
    note_.stopped = false;
    if (all_are_gone) note_.places = {place_};
    write_note(parts_.layout, parts_.app, note_);
  });
}

void ContainerDeployer::undo() {
  if (!old_ones_.empty()) say("What ran before stays");
  new_ones_->remove_everything();  // their ports are free again
  bool all_run = true;
  for (const Old& old : old_ones_) {
    if (!old.was_stopped) continue;
    try {
      old.owned.containers->start(old.owned.container.id);
      say(instance_name(old.owned.container) + " | Started container " +
          old.owned.container.id.substr(0, 12) + " again");
    } catch (const Error& error) {  // boundary: the next deploy or prune tries again
      all_run = false;
      warn(error);
    }
  }
  if (note_.stopping.empty() || !all_run) return;
  try {
    note_.stopping.clear();
    write_note(parts_.layout, parts_.app, note_);
  } catch (const Error& error) {  // boundary: see above
    warn(error);
  }
}

}  // namespace cooper::build
