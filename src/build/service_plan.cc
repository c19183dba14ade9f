#include "build/service_plan.h"

#include "base/error.h"
#include "base/text.h"
#include "build/deploy_files.h"

#include <algorithm>

namespace cooper::build {

namespace {

Environment environment_for(const Release& release, const manifest::ServiceRun& run) {
  Environment chosen;
  if (run.environment.empty()) chosen = release.environment;
  std::vector<std::string> missing;
  std::map<std::string, const manifest::EnvironmentEntry*> asked;  // the service's own counts
  for (const manifest::EnvironmentEntry& entry : run.environment) asked[entry.name] = &entry;
  for (const auto& [name, entry] : asked) {
    if (name == "*") {
      chosen.insert(release.environment.begin(), release.environment.end());
      continue;
    }
    const auto set = release.environment.find(name);
    if (set != release.environment.end()) {
      chosen[name] = set->second;
    } else if (entry->default_value) {
      chosen[name] = *entry->default_value;
    } else {
      missing.push_back(name);
    }
  }
  if (missing.empty()) return chosen;
  throw Error(Errc::invalid,
              "service " + run.name.str() + " requires " + join(missing, ", ") + ", and release " +
                  release.id.str() + " has no value for " + (missing.size() == 1 ? "it" : "them"),
              "set " + std::string(missing.size() == 1 ? "it" : "them") + ": cooper env set " +
                  missing[0] + "=VALUE -a " + release.app.str() +
                  "; or give a default in the manifest: - " + missing[0] + "=value");
}

void add_own_variables(Environment& environment, const Release& release,
                       const manifest::ServiceRun& run) {
  environment.emplace("APP", release.app.str());
  environment.emplace("BUILD", release.build);
  environment.emplace("RELEASE", release.id.str());
  environment.emplace("SERVICE", run.name.str());
  if (!run.ports.empty()) environment.emplace("PORT", std::to_string(run.ports[0].number));
}

void add_fixed_ports(std::vector<ServicePlan>& services, const Settings& settings) {
  for (const Publish& publish : settings.publish) {
    const auto service = std::ranges::find_if(services, [&](const ServicePlan& planned) {
      return planned.run.name.str() == publish.service;
    });
    if (service == services.end()) {
      std::vector<std::string> names;
      for (const ServicePlan& planned : services) names.push_back(planned.run.name.str());
      throw Error(Errc::invalid,
                  "the property publish names a service " + publish.service +
                      ", which the release does not have",
                  "its services: " + join(names, ", "));
    }
    service->fixed.push_back({.container = publish.container,
                              .protocol = publish.protocol,
                              .address = publish.address,
                              .host = publish.host});
  }
}

}  // namespace

std::vector<ServicePlan> plan_services(const Release& release,
                                       const std::map<std::string, std::string>& pushed,
                                       const Settings& settings) {
  const auto runs =
      manifest::parse_services_to_run(release.manifest, {.variables = release.environment}).value();
  std::vector<ServicePlan> services;
  for (const manifest::ServiceRun& run : runs) {
    const auto image = release.images.find(run.name.str());
    if (image == release.images.end()) {
      throw Error(Errc::invalid,
                  "release " + release.id.str() + " has no image for service " + run.name.str(),
                  "build the app again: cooper ps:rebuild " + release.app.str());
    }
    ServicePlan planned{.run = run, .image = runnable_image(image->second, "")};
    if (const auto found = pushed.find(run.name.str()); found != pushed.end()) {
      planned.pushed = runnable_image(image->second, found->second);
    }
    planned.environment = environment_for(release, run);
    add_own_variables(planned.environment, release, run);
    services.push_back(std::move(planned));
  }
  add_fixed_ports(services, settings);
  return services;
}

}  // namespace cooper::build
