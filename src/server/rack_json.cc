#include "server/rack_json.h"

#include "base/text.h"
#include "model/json.h"

namespace cooper::server {
namespace json = boost::json;

std::string_view convox_status(DisplayStatus status) noexcept {
  switch (status) {
    case DisplayStatus::queued:
      return "created";
    case DisplayStatus::running:
      return "running";
    case DisplayStatus::succeeded:
      return "complete";
    case DisplayStatus::failed:
    case DisplayStatus::canceled:
    case DisplayStatus::abandoned:
      return "failed";
  }
  return "failed";
}

std::string convox_time(const std::optional<Timestamp>& time) {
  return time ? to_rfc3339({.at = time->at}) : "0001-01-01T00:00:00Z";
}

json::object to_convox(const App& app, AppStatus status) {
  return {{"generation", "2"},
          {"locked", false},
          {"name", app.name.str()},
          {"release", app.release},
          {"router", ""},
          {"status", status == AppStatus::updating ? "updating" : "running"},
          {"parameters", json::object()}};
}

json::object to_convox(const rack::BuildView& view, std::string_view manifest) {
  const Build& build = view.build;
  std::string reason = build.reason;
  if (reason.empty() && view.status == DisplayStatus::canceled) reason = "canceled";
  if (reason.empty() && view.status == DisplayStatus::abandoned) {
    reason = "its process is gone: the host or the build was ended";
  }
  return {{"id", build.id.str()},
          {"app", build.app.str()},
          {"description", valid_utf8(build.description)},
          {"entrypoint", ""},
          {"git-sha", valid_utf8(build.git_sha)},
          {"logs", ""},
          {"manifest", valid_utf8(manifest)},
          {"process", ""},
          {"release", build.release},
          {"reason", valid_utf8(reason)},
          {"repository", ""},
          {"status", convox_status(view.status)},
          {"started", convox_time(build.started_at)},
          {"ended", convox_time(build.finished_at)}};
}

json::object to_convox(const Release& release, ShowEnvironment show) {
  return {{"id", release.id.str()},
          {"app", release.app.str()},
          {"build", release.build},
          {"env", show == ShowEnvironment::yes ? environment_text(release.environment) : ""},
          {"manifest", valid_utf8(release.manifest)},
          {"description", valid_utf8(release.description)},
          {"created", convox_time(release.created_at)}};
}

Answer json_answer(const json::value& value, unsigned status) {
  Answer answer;
  answer.status = status;
  answer.body = pretty(value);
  return answer;
}

namespace {

std::string line_of(const std::string& name, const std::string& value) {
  const bool one_line = value.find_first_of("\r\n") == std::string::npos;
  return name + "=" + (one_line ? value : go_quoted(value));
}

}  // namespace

std::string environment_text(const Environment& environment) {
  std::vector<std::string> lines;
  for (const auto& [name, value] : environment) lines.push_back(line_of(name, value));
  return join(lines, "\n");
}

Result<Environment> parse_environment_text(std::string_view text, const Environment& current) {
  Environment environment;
  std::size_t number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (trim(line).empty()) continue;
    const std::string where = "line " + std::to_string(number) + " of the environment";
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) {
      return Error(Errc::invalid, where + " is not NAME=VALUE");
    }
    const std::string name(trim(line.substr(0, equals)));
    if (!is_variable_name(name)) {
      return Error(Errc::invalid, where + " begins with what can't be a variable's name",
                   "a name has letters, digits and _, and begins with no digit");
    }
    const auto known = current.find(name);
    const bool is_known = known != current.end() && line_of(name, known->second) == line;
    environment[name] = is_known ? known->second : std::string(line.substr(equals + 1));
  }
  return environment;
}

}  // namespace cooper::server
