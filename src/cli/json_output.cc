#include "cli/json_output.h"

#include "api/builds.h"
#include "api/host.h"
#include "api/list.h"
#include "api/releases.h"
#include "api/webhooks.h"
#include "base/text.h"
#include "model/json.h"

#include <boost/json/parse.hpp>

namespace cooper::cli {
namespace json = boost::json;

namespace {

template <class Range>
std::string array_text(const Range& range) {
  return pretty(api::array_of(range, [](const auto& element) { return api::to_object(element); }));
}

}  // namespace

std::string builds_json(std::span<const rack::BuildView> builds) { return array_text(builds); }

std::string tokens_json(std::span<const store::Token> tokens) { return array_text(tokens); }

std::string queue_json(std::span<const build::QueueEntry> entries) { return array_text(entries); }

std::string audit_json(std::span<const store::AuditEntry> entries) {
  return pretty(
      api::array_of(entries, [](const store::AuditEntry& entry) { return api::to_object(entry); }));
}

std::string build_json(const rack::BuildView& build, std::span<const Step> steps) {
  json::object object = api::to_object(build);
  object["steps"] = api::array_of(steps, [](const Step& step) { return to_object(step); });
  return pretty(object);
}

std::string releases_json(std::span<const Release> releases, const std::string& active) {
  return pretty(api::array_of(releases, [&](const Release& release) {
    return api::to_object(release, active, api::ReleaseDetail::brief);
  }));
}

std::string release_json(const Release& release, const std::string& active) {
  return pretty(api::to_object(release, active, api::ReleaseDetail::whole));
}

std::string diff_json(const BuildId& before, const BuildId& after, const build::BuildDiff& diff) {
  json::object object = api::to_object(before, after, diff);
  object.erase("missing");  // those are warnings here
  return pretty(object);
}

std::string environment_json(const Environment& environment) {
  json::object object;
  for (const auto& [name, value] : environment) object[name] = value;
  return pretty(object);
}

std::string apps_json(std::span<const App> apps) { return array_text(apps); }

std::string app_json(const App& app) { return to_json(app); }

std::string log_hit_json(const rack::LogHit& found) {
  json::object object = api::to_object(found);
  object.erase("cut_before");
  object.erase("cut_after");
  const std::string whole = pretty(object);
  std::string text;
  for (const std::string_view line : split(trim(whole), '\n')) {
    text += (text.empty() ? "  " : "\n  ") + std::string(line);
  }
  return text;
}

std::string properties_json(std::span<const rack::PropertyView> properties) {
  return array_text(properties);
}

std::string registries_json(std::span<const engine::KnownLogin> logins) {
  return array_text(logins);
}

std::string keys_json(std::span<const AuthorizedKey> keys) {
  return pretty(api::array_of(keys, [](const AuthorizedKey& key) {
    return json::object{
        {"name", key.name}, {"type", key.key.type}, {"fingerprint", fingerprint(key.key)}};
  }));
}

std::string engines_json(std::span<const engine::EngineReport> engines) {
  return array_text(engines);
}

std::string containers_json(std::span<const rack::ServiceContainer> containers) {
  return array_text(containers);
}

std::string disk_json(std::span<const build::DiskItem> items) { return array_text(items); }

}  // namespace cooper::cli
