#include "cli/json_output.h"

#include "base/text.h"
#include "model/json.h"

#include <boost/json.hpp>

namespace cooper::cli {
namespace json = boost::json;

namespace {

// The model writes its own records; parsing them again keeps one place that
// knows names and order of the fields, and costs microseconds.
json::object record_of(const std::string& text) { return json::parse(text).as_object(); }

void add_place(json::object& object, const build::QueuePlace& place) {
  object["position"] = place.position;
  object["waiting"] = place.waiting;
  object["why"] = place.why;
}

json::object build_object(const rack::BuildView& view) {
  json::object object = record_of(to_json(view.build));
  object["display_status"] = to_string(view.status);
  if (view.place) add_place(object, *view.place);
  return object;
}

json::object release_object(const Release& release, const std::string& active) {
  json::object object = record_of(to_json(release));
  object["active"] = release.id.str() == active;
  return object;
}

template <class Range, class ToObject>
std::string array_text(const Range& range, ToObject to_object) {
  json::array array;
  for (const auto& element : range) array.push_back(to_object(element));
  return pretty(array);
}

}  // namespace

std::string builds_json(std::span<const rack::BuildView> builds) {
  return array_text(builds, build_object);
}

std::string tokens_json(std::span<const store::Token> tokens) {
  return array_text(tokens, [](const store::Token& token) {
    json::object object{{"id", token.id.str()}};
    if (!token.name.empty()) object["name"] = token.name;
    object["role"] = to_string(token.role);
    if (token.app) object["app"] = token.app->str();
    object["created_at"] = to_rfc3339(token.created_at);
    if (token.expires_at) object["expires_at"] = to_rfc3339(*token.expires_at);
    return object;
  });
}

std::string queue_json(std::span<const build::QueueEntry> entries) {
  return array_text(entries, [](const build::QueueEntry& entry) {
    const build::QueueTicket& ticket = entry.ticket;
    const bool is_build = ticket.what == build::TicketFor::build;
    json::object object{{"app", ticket.app.str()}, {"kind", is_build ? "build" : "deploy"}};
    if (is_build) object["id"] = ticket.id.str();
    object["status"] = entry.place ? "queued" : "running";
    object["since"] = to_rfc3339({ticket.since});
    if (!ticket.branch.empty()) object["branch"] = ticket.branch;
    if (entry.place) add_place(object, *entry.place);
    return object;
  });
}

std::string build_json(const rack::BuildView& build, std::span<const Step> steps) {
  json::object object = build_object(build);
  json::array list;
  for (const Step& step : steps) list.push_back(record_of(to_json_line(step)));
  object["steps"] = std::move(list);
  return pretty(object);
}

std::string releases_json(std::span<const Release> releases, const std::string& active) {
  return array_text(releases, [&](const Release& release) {
    json::object object = release_object(release, active);
    object.erase("manifest");
    object.erase("environment");
    return object;
  });
}

std::string release_json(const Release& release, const std::string& active) {
  return pretty(release_object(release, active));
}

namespace {

json::value to_value(const build::TextChange& change) {
  json::object object{{"name", change.name}};
  if (!change.before.empty()) object["before"] = change.before;
  if (!change.after.empty()) object["after"] = change.after;
  return object;
}

json::value to_value(const build::NamedChange& change) {
  return json::object{{"name", change.name}, {"change", to_string(change.change)}};
}

json::value to_value(const build::StepTimes& step) {
  json::object object{{"service", step.service}, {"text", step.text}};
  const auto add = [&](const char* key, const std::optional<build::StepTimes::Run>& run) {
    if (!run) return;
    object[key] = json::object{{"ms", run->time.count()}, {"cached", run->cached}};
  };
  add("before", step.before);
  add("after", step.after);
  return object;
}

template <class Range>
json::array to_array(const Range& range) {
  json::array array;
  for (const auto& element : range) array.push_back(to_value(element));
  return array;
}

}  // namespace

std::string diff_json(const BuildId& before, const BuildId& after, const build::BuildDiff& diff) {
  return pretty(json::object{{"before", before.str()},
                             {"after", after.str()},
                             {"files", to_array(diff.files)},
                             {"arguments", to_array(diff.arguments)},
                             {"facts", to_array(diff.facts)},
                             {"bases", to_array(diff.bases)},
                             {"images", to_array(diff.images)},
                             {"steps", to_array(diff.steps)}});
}

std::string environment_json(const Environment& environment) {
  json::object object;
  for (const auto& [name, value] : environment) object[name] = value;
  return pretty(object);
}

std::string apps_json(std::span<const App> apps) {
  return array_text(apps, [](const App& app) { return record_of(to_json(app)); });
}

std::string app_json(const App& app) { return to_json(app); }

std::string log_hit_json(const rack::LogHit& found) {
  const json::object object{{"app", found.build.app.str()},
                            {"build", found.build.id.str()},
                            {"started_at", to_rfc3339(found.build.started_at)},
                            {"line", found.hit.line},
                            {"text", valid_utf8(found.hit.text)}};
  const std::string whole = pretty(object);
  std::string text;
  for (const std::string_view line : split(trim(whole), '\n')) {
    text += (text.empty() ? "  " : "\n  ") + std::string(line);
  }
  return text;
}

std::string properties_json(std::span<const rack::PropertyView> properties) {
  return array_text(properties, [](const rack::PropertyView& property) {
    json::object object{{"key", property.key}};
    if (!property.value.empty()) object["value"] = property.value;
    object["effective"] = property.effect;
    return object;
  });
}

std::string registries_json(std::span<const engine::KnownLogin> logins) {
  return array_text(logins, [](const engine::KnownLogin& login) {
    json::object object{{"host", login.host}};
    if (!login.user.empty()) object["user"] = login.user;
    object["file"] = login.file.string();
    return object;
  });
}

std::string keys_json(std::span<const AuthorizedKey> keys) {
  return array_text(keys, [](const AuthorizedKey& key) {
    return json::object{
        {"name", key.name}, {"type", key.key.type}, {"fingerprint", fingerprint(key.key)}};
  });
}

std::string engines_json(std::span<const engine::EngineReport> engines) {
  return array_text(engines, [](const engine::EngineReport& report) {
    json::object object{{"engine", to_string(report.kind)}};
    const auto add = [&](std::string_view key, const std::string& text) {
      if (!text.empty()) object[key] = text;
    };
    add("version", report.version);
    add("where", report.place);
    add("missing", report.missing);
    add("chosen", report.chosen);
    return object;
  });
}

std::string containers_json(std::span<const rack::ServiceContainer> containers) {
  return array_text(containers, [](const rack::ServiceContainer& view) {
    const engine::Container& container = view.container;
    json::object object{
        {"service", view.service}, {"instance", view.instance}, {"id", container.id},
        {"name", container.name},  {"engine", view.engine},     {"release", view.release},
        {"deploy", view.deploy},   {"active", view.active},     {"state", container.state}};
    if (!container.is_running()) object["exit_code"] = container.exit_code;
    if (container.restarts != 0) object["restarts"] = container.restarts;
    if (!view.health.empty()) object["health"] = view.health;
    if (container.started) object["started"] = to_rfc3339({*container.started});
    object["network"] = container.network;
    json::array ports;
    for (const engine::PortMapping& port : container.ports) {
      ports.push_back(json::object{{"container", port.container},
                                   {"protocol", port.protocol},
                                   {"address", port.address},
                                   {"host", port.host}});
    }
    object["ports"] = std::move(ports);
    return object;
  });
}

std::string disk_json(std::span<const build::DiskItem> items) {
  return array_text(items, [](const build::DiskItem& item) {
    return json::object{
        {"where", item.where}, {"what", item.what}, {"count", item.count}, {"bytes", item.bytes}};
  });
}

}  // namespace cooper::cli
