// `builds:report`: an app's newest build and its retention.

#include "base/text.h"
#include "plugin/settings_commands.h"
#include "plugin/text.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace cooper::plugin {

namespace {

/// A flag of the report and its value, by flag.
using Facts = std::vector<std::pair<std::string, std::string>>;

constexpr std::array<std::string_view, 11> kAppFlags = {"build-exit-code",
                                                        "build-finished-at",
                                                        "build-id",
                                                        "build-kind",
                                                        "build-pid",
                                                        "build-source",
                                                        "build-started-at",
                                                        "build-status",
                                                        "builds-computed-retention",
                                                        "builds-global-retention",
                                                        "builds-retention"};
constexpr std::array<std::string_view, 1> kGlobalFlags = {"builds-global-retention"};

constexpr std::array kUsageFlags = {
    FlagSpec{"build-exit-code", "", "exit code of the newest build"},
    FlagSpec{"build-finished-at", "", "when the newest build ended"},
    FlagSpec{"build-id", "", "id of the newest build"},
    FlagSpec{"build-kind", "", "kind of the newest build"},
    FlagSpec{"build-pid", "", "process id of the newest build"},
    FlagSpec{"build-source", "", "what started the newest build"},
    FlagSpec{"build-started-at", "", "when the newest build started"},
    FlagSpec{"build-status", "", "status of the newest build"},
    FlagSpec{"builds-computed-retention", "", "the retention that applies"},
    FlagSpec{"builds-global-retention", "", "the retention of all apps"},
    FlagSpec{"builds-retention", "", "the app's own retention"},
    FlagSpec{"format", "string", "format: [ stdout | json ] (default \"stdout\")"},
    FlagSpec{"global", "", "report what holds for all apps"}};

/// What was asked for.
struct Request {
  std::string app;
  bool global = false;
  bool help = false;
  std::string format;
  std::string info_flag;  ///< without dashes
};

std::string valid_flags(bool global) {
  const std::span<const std::string_view> flags =
      global ? std::span<const std::string_view>(kGlobalFlags) : kAppFlags;
  std::string list;
  for (const std::string_view flag : flags) {
    list += (list.empty() ? "--" : ", --") + std::string(flag);
  }
  return "Invalid flag passed, valid flags: " + list;
}

/// The report has a grammar of its own: any flag may be one that it does not know.
Result<Request> parse_request(const std::vector<std::string>& words) {
  Request request;
  bool flags_ended = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (flags_ended || !word.starts_with("-") || word == "-") {
      if (request.app.empty()) request.app = word;
    } else if (word == "--") {
      flags_ended = true;
    } else if (word == "-h" || word == "--help") {
      request.help = true;
    } else if (word == "--global") {
      request.global = true;
    } else if (word == "--format") {
      if (i + 1 == words.size()) return Error(Errc::invalid, "flag needs an argument: --format");
      request.format = words[++i];
    } else if (word.starts_with("--format=")) {
      request.format = word.substr(word.find('=') + 1);
    } else if (!request.info_flag.empty()) {
      return Error(Errc::conflict,
                   "Only one info flag can be given: " + request.info_flag + ", " + word);
    } else {
      request.info_flag = word;
    }
  }
  return request;
}

/// Why the request can't be met; empty if it can.
std::string problem_of(const Request& request) {
  if (!request.format.empty() && request.format != "stdout" && request.format != "json") {
    return "Format must be \"stdout\" or \"json\": \"" + request.format + "\"";
  }
  if (request.info_flag.empty()) return {};
  if (!request.format.empty()) {
    return "--format flag cannot be specified when specifying an info flag";
  }
  const auto is_it = [&](std::string_view flag) { return request.info_flag.substr(2) == flag; };
  const bool known = request.info_flag.starts_with("--") &&
                     (request.global ? std::ranges::any_of(kGlobalFlags, is_it)
                                     : std::ranges::any_of(kAppFlags, is_it));
  return known ? "" : valid_flags(request.global);
}

/// `global`: the retention that is stored for all apps.
Facts facts_of(const Face& face, const AppName& app, const rack::BuildPage& newest,
               const std::string& global) {
  print_warnings(face, newest.warnings);
  Facts facts;
  for (const std::string_view flag : kAppFlags) facts.emplace_back(flag, "");
  const auto set = [&facts](std::string_view flag, std::string value) {
    std::ranges::find(facts, flag, &Facts::value_type::first)->second = std::move(value);
  };
  if (!newest.builds.empty()) {
    const Build& build = newest.builds[0].build;
    const auto shown = [](const Timestamp& time) { return to_rfc3339(time, Fraction::dropped); };
    if (build.exit_code) set("build-exit-code", std::to_string(*build.exit_code));
    if (build.finished_at) set("build-finished-at", shown(*build.finished_at));
    set("build-id", build.id.str());
    set("build-kind", std::string(to_string(build.kind)));
    set("build-pid", std::to_string(build.pid));
    set("build-source", build.source);
    set("build-started-at", shown(build.started_at));
    set("build-status", std::string(to_string(newest.builds[0].status)));
  }
  const std::string own = stored_retention(face, &app);
  set("builds-computed-retention", std::to_string(retention_of(face, app, own, global)));
  set("builds-global-retention", global);
  set("builds-retention", own);
  return facts;
}

/// "build-exit-code" -> "Build exit code".
std::string label_of(std::string flag) {
  std::ranges::replace(flag, '-', ' ');
  flag[0] = static_cast<char>(flag[0] - 'a' + 'A');
  return flag;
}

/// A value on a terminal; the newline that a hand leaves at a property's end shows.
std::string shown_value(std::string_view value) {
  const bool newline = value.ends_with('\n');
  if (newline) value.remove_suffix(1);
  return printable(value) + (newline ? "\n" : "");
}

std::string report_text(const Facts& facts) {
  constexpr std::size_t kValueColumn = 31;
  std::string text;
  for (const auto& [flag, value] : facts) {
    const std::string label = label_of(flag) + ":";
    text += "       " + label + std::string(kValueColumn - label.size(), ' ') + shown_value(value) +
            "\n";
  }
  return text;
}

/// One object in a line: the flags, and the retentions under their short names.
std::string report_json(const Facts& facts) {
  std::string json = "{";
  const auto add = [&json](std::string_view key, std::string_view value) {
    if (json.size() > 1) json += ',';
    json += go_json(key) + ":" + go_json(value);
  };
  for (const auto& [flag, value] : facts) add(flag, value);
  for (const auto& [flag, value] : facts) {
    constexpr std::string_view kPrefix = "builds-";
    if (flag.starts_with(kPrefix)) add(std::string_view(flag).substr(kPrefix.size()), value);
  }
  return json + "}\n";
}

void print_report(const Face& face, const Request& request, const std::string& whose,
                  const Facts& facts) {
  if (!request.info_flag.empty()) {
    const std::string flag = request.info_flag.substr(2);
    const auto fact = std::ranges::find(facts, flag, &Facts::value_type::first);
    face.out.write(shown_value(fact->second) + "\n");
  } else if (request.format == "json") {
    face.out.write(report_json(facts));
  } else {
    print_header(face, whose + " builds information");
    face.out.write(report_text(facts));
  }
}

}  // namespace

int report_builds(const Face& face, const Parsed& parsed) {
  const Result<Request> request = parse_request(parsed.words);
  if (!request) {
    if (request.error().code() == Errc::conflict) return refuse(face, request.error());
    face.err.write(usage_text("builds:report", kUsageFlags) + request.error().message() + "\n");
    return 2;
  }
  if (request->help) {
    face.out.write(usage_text("builds:report", kUsageFlags));
    return 0;
  }
  std::vector<AppName> apps;
  if (!request->global && !request->app.empty()) {
    const Result<AppName> app = existing_app(face, request->app);
    if (!app) return refuse(face, app.error());
    apps.push_back(*app);
  }
  if (const std::string problem = problem_of(*request); !problem.empty()) {
    return refuse(face, problem);
  }
  if (request->global) {
    print_report(face, *request, "--global",
                 {{"builds-global-retention", stored_retention(face, nullptr)}});
    return 0;
  }
  const std::string global = stored_retention(face, nullptr);
  const auto print = [&](const AppName& app, const rack::BuildPage& newest) {
    print_report(face, *request, app.str(), facts_of(face, app, newest, global));
  };
  if (!apps.empty()) {
    print(apps[0], face.rack.find_builds({.app = apps[0], .limit = 1}));
    return 0;
  }
  const std::map<AppName, rack::BuildPage> newest = face.rack.newest_builds();
  for (const AppName& app : all_apps(face)) {
    const auto found = newest.find(app);
    print(app, found == newest.end() ? rack::BuildPage{} : found->second);
  }
  return 0;
}

}  // namespace cooper::plugin
