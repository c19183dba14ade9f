#include "build/app_containers.h"

#include "base/error.h"
#include "base/text.h"
#include "build/release_use.h"
#include "build/root_id.h"
#include "engine/http_probe.h"
#include "store/own_root.h"

#include <algorithm>
#include <set>

namespace cooper::build {

std::string network_name(const AppName& app, const std::string& deploy) {
  return "cooper-" + app.str() + "-" + deploy;
}

std::map<std::string, std::string> own_labels(const std::string& root, const AppName& app) {
  // An image of ours has the first two, and whoever runs it by hand inherits them.
  return {{"cooper.root", root}, {"cooper.app", app.str()}, {kDeployLabel, ""}};
}

std::string instance_name(const engine::Container& container) {
  return container.label(kServiceLabel) + "." + container.label(kInstanceLabel);
}

std::chrono::seconds stop_timeout_of(const engine::Container& container) {
  constexpr std::uint64_t kUsual = 10;
  return std::chrono::seconds(parse_number(container.label(kStopLabel)).value_or(kUsual));
}

AppContainers::AppContainers(const store::Layout& layout, const AppName& app)
    : app_(app), note_(read_note(layout, app)) {
  if (!note_) return;
  store::require_own_root(layout, "touch the containers of app " + app.str());
  root_ = find_root_id(layout).text;
  if (root_.empty()) return;  // nothing was made by this root: it is a copy
  for (const ContainerPlace& place : note_->places) {
    open_.push_back({place, std::make_unique<ContainerHost>(place)});
  }
}

const engine::Containers& AppContainers::at(const ContainerPlace& place) const {
  const auto found = std::ranges::find(open_, place, &Open::place);
  if (found != open_.end()) return found->host->containers();
  throw Error(Errc::conflict, "the data root was moved or copied meanwhile");
}

std::vector<OwnedContainer> AppContainers::list() const {
  std::vector<OwnedContainer> all;
  for (const Open& open : open_) {
    const engine::Containers& containers = open.host->containers();
    for (engine::Container& container : containers.list(own_labels(root_, app_))) {
      all.push_back({&containers, open.place, std::move(container)});
    }
  }
  return all;
}

void AppContainers::remove_networks(
    const std::function<bool(const std::string& deploy)>& is_over) const {
  const std::string prefix = network_name(app_, "");
  for (const Open& open : open_) {
    const engine::Containers& containers = open.host->containers();
    for (const std::string& name : containers.list_networks(own_labels(root_, app_))) {
      if (name.starts_with(prefix) && is_over(name.substr(prefix.size()))) {
        containers.remove_network(name);
      }
    }
  }
}

std::optional<std::string> health_problem(const engine::Container& container,
                                          std::chrono::milliseconds limit,
                                          const std::stop_token& stop) {
  const auto port = parse_number(container.label(kHealthPortLabel));
  if (!port) return std::nullopt;
  engine::ProbeTarget target{.port = static_cast<std::uint16_t>(*port),
                             .path = container.label(kHealthLabel),
                             .limit = limit};
  if (!container.is_on_host_network()) {
    const auto mapping = std::ranges::find_if(container.ports, [&](const auto& candidate) {
      return candidate.container == *port && candidate.protocol == "tcp";
    });
    if (mapping == container.ports.end()) return "its port is not published";
    target.port = mapping->host;
    if (mapping->address == "::") {
      target.address = "::1";
    } else if (mapping->address != "0.0.0.0" && !mapping->address.empty()) {
      target.address = mapping->address;
    }
  }
  return engine::why_unhealthy(target, stop);
}

void settle_containers(const store::FileStore& store, const AppName& app) {
  const AppContainers open(store.layout(), app);
  if (!open.note()) return;
  // In this order: a deploy that ends meanwhile is then seen as live, or its release as active.
  const std::vector<OwnedContainer> all = open.list();
  std::set<std::string> kept;
  for (const Build& deploy : live_deploys(store, app)) kept.insert(deploy.id.str());
  const bool nobody_deploys = kept.empty();
  const std::optional<App> facts = store.find_app(app);
  if (!facts) return;
  kept.insert(facts->deploy);
  std::set<std::string> stopping;
  if (const auto note = read_note(store.layout(), app); note && nobody_deploys) {
    stopping = {note->stopping.begin(), note->stopping.end()};
  }
  for (const auto& [containers, place, container] : all) {
    const std::string& deploy = container.label(kDeployLabel);
    if (!kept.contains(deploy)) {
      containers->stop(container.id, stop_timeout_of(container));  // it may have served until now
      containers->remove(container.id);
    } else if (stopping.contains(container.id) && deploy == facts->deploy) {
      // Its engine may be about to kill it still: that is waited for.
      containers->stop(container.id, stop_timeout_of(container));
      containers->start(container.id);
    }
  }
  open.remove_networks([&](const std::string& deploy) { return !kept.contains(deploy); });
  if (stopping.empty()) return;
  // A deploy may have begun meanwhile, and written what it stops.
  if (auto note = read_note(store.layout(), app)) {
    std::erase_if(note->stopping, [&](const std::string& id) { return stopping.contains(id); });
    write_note(store.layout(), app, *note);
  }
}

std::size_t stop_containers(const store::FileStore& store, const AppName& app) {
  const AppContainers open(store.layout(), app);
  const std::optional<App> facts = store.find_app(app);
  if (!open.note() || !facts) return 0;
  ContainerNote note = *open.note();
  note.stopped = true;
  note.stopping.clear();
  write_note(store.layout(), app, note);
  std::size_t stopped = 0;
  for (const auto& [containers, place, container] : open.list()) {
    if (container.label(kDeployLabel) != facts->deploy) continue;
    if (container.state == "exited" || container.state == "created") continue;
    containers->stop(container.id, stop_timeout_of(container));
    ++stopped;
  }
  return stopped;
}

void remove_containers(const store::FileStore& store, const AppName& app) {
  try {
    const AppContainers open(store.layout(), app);
    for (const auto& [containers, place, container] : open.list()) containers->remove(container.id);
    open.remove_networks([](const std::string&) { return true; });
  } catch (const Error& error) {  // adapter: say what to do
    if (error.code() != Errc::unavailable) throw;
    throw Error(error.code(), "its containers can't be removed: " + error.message(),
                "if their engine is gone for good, remove " + app.str() + "/containers.json in " +
                    store.layout().apps().string());
  }
}

}  // namespace cooper::build
