#include "model/json.h"

#include "base/text.h"
#include "base/utf8.h"
#include "model/json_values.h"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <sys/types.h>

namespace cooper {
namespace json = boost::json;

namespace {

/// Texts come from command lines, Dockerfiles and engines, in any encoding; a
/// record with them must be readable nevertheless.
/// Escapes what JSON leaves as it is but a terminal obeys, too: U+007F to U+009F,
/// and what turns the direction.
std::string quoted(std::string_view text) {
  const std::string plain = json::serialize(json::string_view(valid_utf8(text)));
  const auto is_plain = [](char c) { return static_cast<unsigned char>(c) < 0x7F; };
  if (std::ranges::all_of(plain, is_plain)) return plain;
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string escaped;
  for (std::string_view rest = plain; !rest.empty();) {
    const std::string_view character = rest.substr(0, utf8_length(rest));
    const char32_t c = code_point(character);
    if ((c >= 0x7F && c < 0xA0) || changes_direction(c)) {
      escaped += "\\u";
      for (const unsigned shift : {12U, 8U, 4U, 0U}) escaped += kDigits[(c >> shift) & 15U];
    } else {
      escaped += character;
    }
    rest.remove_prefix(character.size());
  }
  return escaped;
}

void write_pretty(std::string& out, const json::value& value, std::size_t depth) {
  const auto line = [&](std::size_t indent) {
    out += '\n';
    out.append(indent * 2, ' ');
  };
  if (const json::object* object = value.if_object(); object && !object->empty()) {
    out += '{';
    for (const auto& member : *object) {
      if (&member != &*object->begin()) out += ',';
      line(depth + 1);
      out += quoted(member.key());
      out += ": ";
      write_pretty(out, member.value(), depth + 1);
    }
    line(depth);
    out += '}';
  } else if (const json::array* array = value.if_array(); array && !array->empty()) {
    out += '[';
    for (const json::value& element : *array) {
      if (&element != array->begin()) out += ',';
      line(depth + 1);
      write_pretty(out, element, depth + 1);
    }
    line(depth);
    out += ']';
  } else if (const json::string* text = value.if_string()) {
    out += quoted(*text);
  } else {
    out += json::serialize(value);
  }
}

json::object to_object(const std::map<std::string, std::string>& texts) {
  json::object object;
  for (const auto& [key, text] : texts) object[key] = text;
  return object;
}

constexpr std::array<std::string_view, 25> kBuildFields = {
    "id",           "app",      "kind",          "pid",         "started_at", "finished_at",
    "status",       "source",   "exit_code",     "description", "git_sha",    "release",
    "reason",       "engine",   "platform",      "images",      "pushed",     "unchanged",
    "host",         "retry_of", "imported_from", "pinned",      "log_erased", "queued_at",
    "superseded_by"};

}  // namespace

std::string pretty(const json::value& value) {
  std::string text;
  write_pretty(text, value, 0);
  text += '\n';
  return text;
}

json::object to_object(const Build& build) {
  json::object object;
  object["id"] = build.id.str();
  object["app"] = build.app.str();
  object["kind"] = to_string(build.kind);
  object["pid"] = build.pid;
  object["started_at"] = to_rfc3339(build.started_at);
  if (build.finished_at) object["finished_at"] = to_rfc3339(*build.finished_at);
  object["status"] = to_string(build.status);
  object["source"] = build.source;
  if (build.exit_code) object["exit_code"] = *build.exit_code;
  const auto add = [&](const char* key, const std::string& text) {
    if (!text.empty()) object[key] = text;
  };
  add("description", build.description);
  add("git_sha", build.git_sha);
  add("release", build.release);
  add("reason", build.reason);
  add("engine", build.engine);
  add("platform", build.platform);
  if (!build.images.empty()) object["images"] = to_object(build.images);
  if (!build.pushed.empty()) object["pushed"] = to_object(build.pushed);
  if (!build.unchanged.empty()) object["unchanged"] = to_object(build.unchanged);
  add("host", build.host);
  add("retry_of", build.retry_of);
  add("imported_from", build.imported_from);
  if (build.pinned) object["pinned"] = true;
  add("log_erased", build.log_erased);
  if (build.queued_at) object["queued_at"] = to_rfc3339(*build.queued_at);
  add("superseded_by", build.superseded_by);
  for (const auto& [key, text] : build.unknown_fields) object[key] = json::parse(text);
  return object;
}

std::string to_json(const Build& build) { return pretty(to_object(build)); }

Result<Build> parse_build(std::string_view text, const BuildId& id, const AppName& app) {
  const Result<json::object> object = parse_json_object(text);
  if (!object) return object.error();
  JsonReader reader(*object);
  Build build{.id = id, .app = app, .started_at = reader.required_time("started_at")};
  const auto kind = parse_kind(reader.required_text("kind"));
  if (!kind) reader.fail("kind", "is neither build nor deploy");
  const auto status = parse_status(reader.required_text("status"));
  if (!status) reader.fail("status", "is no known status");
  build.kind = kind.value_or(Kind::build);
  build.status = status.value_or(Status::failed);
  build.pid = reader.number<pid_t>("pid", 0).value_or(0);
  build.finished_at = reader.time("finished_at");
  build.source = reader.text("source");
  build.exit_code = reader.number<int>("exit_code");
  build.description = reader.text("description");
  build.git_sha = reader.text("git_sha");
  build.release = reader.text("release");
  build.reason = reader.text("reason");
  build.engine = reader.text("engine");
  build.platform = reader.text("platform");
  build.images = reader.texts("images");
  build.pushed = reader.texts("pushed");
  build.unchanged = reader.texts("unchanged");
  build.host = reader.text("host");
  build.retry_of = reader.text("retry_of");
  build.imported_from = reader.text("imported_from");
  build.pinned = reader.flag("pinned");
  build.log_erased = reader.text("log_erased");
  build.queued_at = reader.time("queued_at");
  build.superseded_by = reader.text("superseded_by");
  if (!reader.problem().empty()) return Error(Errc::corrupt, reader.problem());
  for (const auto& member : *object) {
    if (std::ranges::find(kBuildFields, std::string_view(member.key())) == kBuildFields.end()) {
      build.unknown_fields.emplace_back(member.key(), json::serialize(member.value()));
    }
  }
  return build;
}

json::object to_object(const Release& release) {
  json::object object;
  object["id"] = release.id.str();
  object["app"] = release.app.str();
  object["build"] = release.build;
  if (!release.description.empty()) object["description"] = release.description;
  object["created_at"] = to_rfc3339(release.created_at);
  object["manifest"] = release.manifest;
  object["environment"] = to_object(release.environment);
  object["images"] = to_object(release.images);
  return object;
}

std::string to_json(const Release& release) { return pretty(to_object(release)); }

Result<Release> parse_release(std::string_view text, const ReleaseId& id, const AppName& app) {
  const Result<json::object> object = parse_json_object(text);
  if (!object) return object.error();
  JsonReader reader(*object);
  Release release{.id = id,
                  .app = app,
                  .build = reader.required_text("build"),
                  .description = reader.text("description"),
                  .manifest = reader.text("manifest"),
                  .created_at = reader.required_time("created_at"),
                  .environment = reader.texts("environment"),
                  .images = reader.texts("images")};
  if (!reader.problem().empty()) return Error(Errc::corrupt, reader.problem());
  return release;
}

json::object to_object(const App& app) {
  json::object object;
  object["name"] = app.name.str();
  object["created_at"] = to_rfc3339(app.created_at);
  const auto add = [&](const char* key, const std::string& text) {
    if (!text.empty()) object[key] = text;
  };
  add("release", app.release);
  add("previous", app.previous);
  add("deploy", app.deploy);
  return object;
}

std::string to_json(const App& app) { return pretty(to_object(app)); }

Result<App> parse_app(std::string_view text, const AppName& name) {
  const Result<json::object> object = parse_json_object(text);
  if (!object) return object.error();
  JsonReader reader(*object);
  App app{.name = name,
          .created_at = reader.required_time("created_at"),
          .release = reader.text("release"),
          .previous = reader.text("previous"),
          .deploy = reader.text("deploy")};
  if (!reader.problem().empty()) return Error(Errc::corrupt, reader.problem());
  return app;
}

json::object to_object(const Step& step) {
  json::object object;
  object["service"] = valid_utf8(step.service);
  object["number"] = step.number;
  object["text"] = valid_utf8(step.text);
  object["started"] = to_rfc3339({step.started});
  if (step.finished) object["finished"] = to_rfc3339({*step.finished});
  object["cached"] = step.cached;
  object["log_begin"] = step.log_begin;
  object["log_end"] = step.log_end;
  if (step.exit_code) object["exit"] = *step.exit_code;
  return object;
}

std::string to_json_line(const Step& step) { return json::serialize(to_object(step)) + "\n"; }

Result<Step> parse_step(std::string_view line) {
  const Result<json::object> object = parse_json_object(line);
  if (!object) return object.error();
  JsonReader reader(*object);
  Step step{.service = reader.required_text("service"),
            .number = reader.number<int>("number", 0).value_or(0),
            .text = reader.text("text"),
            .started = reader.required_time("started").at};
  if (const auto finished = reader.time("finished")) step.finished = finished->at;
  step.cached = reader.flag("cached");
  step.log_begin = reader.number<std::uint64_t>("log_begin").value_or(0);
  step.log_end = reader.number<std::uint64_t>("log_end").value_or(0);
  step.exit_code = reader.number<int>("exit");
  if (!reader.problem().empty()) return Error(Errc::corrupt, reader.problem());
  return step;
}

}  // namespace cooper
