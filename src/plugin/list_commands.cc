#include "plugin/list_commands.h"

#include "plugin/builds_view.h"
#include "plugin/text.h"

#include <algorithm>
#include <iterator>

namespace cooper::plugin {

namespace {

constexpr std::string_view kBadFormat = "Invalid format specified, supported formats: json, stdout";

bool is_format(std::string_view format) {
  return format.empty() || format == "stdout" || format == "json";
}

/// `--kind` and `--status`, checked.
struct Wanted {
  std::optional<Kind> kind;
  std::optional<DisplayStatus> status;
};

Result<Wanted> wanted(const Parsed& parsed) {
  Wanted result;
  if (!is_format(parsed.flag("format"))) return Error(Errc::invalid, std::string(kBadFormat));
  if (const std::string kind = parsed.flag("kind"); !kind.empty()) {
    result.kind = parse_kind(kind);
    if (!result.kind) {
      return Error(Errc::invalid, "Invalid --kind value \"" + kind + "\" (allowed: build, deploy)");
    }
  }
  if (const std::string status = parsed.flag("status"); !status.empty()) {
    result.status = parse_display_status(status);
    if (!result.status || result.status == DisplayStatus::queued) {
      return Error(Errc::invalid,
                   "Invalid --status value \"" + status +
                       "\" (allowed: running, succeeded, failed, canceled, abandoned)");
    }
  }
  return result;
}

/// Those of `statuses` that are wanted.
std::vector<DisplayStatus> only(std::vector<DisplayStatus> statuses, const Wanted& wanted) {
  std::erase_if(statuses,
                [&](DisplayStatus status) { return wanted.status && *wanted.status != status; });
  return statuses;
}

/// Adds the builds that `filter` finds; none if it names no status.
void add_builds(const Face& face, const rack::BuildFilter& filter, rack::BuildPage& page) {
  if (filter.statuses.empty()) return;
  rack::BuildPage found = face.rack.find_builds(filter);
  std::ranges::move(found.builds, std::back_inserter(page.builds));
  for (std::string& warning : found.warnings) {
    const bool known = std::ranges::find(page.warnings, warning) != page.warnings.end();
    if (!known) page.warnings.push_back(std::move(warning));
  }
}

/// The running builds and, under a header of their own, the abandoned ones; with
/// the same columns in both.
std::string tables_of_all(const Face& face, std::span<const rack::BuildView> builds) {
  const std::vector<std::string> titles = {"App", "Build ID", "Kind", "PID", "Source", "Started"};
  Columns columns;
  columns.fit(titles);
  for (const rack::BuildView& view : builds) columns.fit(row_of_all(view));
  const bool quiet = !face.variable("DOKKU_QUIET_OUTPUT").empty();
  std::string text;
  for (const bool abandoned : {false, true}) {
    std::string rows;
    for (const rack::BuildView& view : builds) {
      const bool is_abandoned = view.status == DisplayStatus::abandoned;
      if (is_abandoned == abandoned) rows += columns.line(row_of_all(view));
    }
    if (rows.empty()) continue;
    const std::string header =
        abandoned ? "=====> Abandoned builds\n" : "=====> Currently running builds\n";
    text += (quiet ? "" : header) + columns.line(titles) + rows;
  }
  return text;
}

int list_all(const Face& face, const Parsed& parsed, const Wanted& wanted) {
  rack::BuildPage page;
  add_builds(
      face,
      {.statuses =
           only({DisplayStatus::queued, DisplayStatus::running, DisplayStatus::abandoned}, wanted),
       .kind = wanted.kind},
      page);
  print_warnings(face, page.warnings);
  if (parsed.flag("format") == "json") {
    face.out.write(builds_json(face, page.builds));
  } else if (page.builds.empty()) {
    face.out.write("No builds currently running\n");
  } else {
    face.out.write(tables_of_all(face, page.builds));
  }
  return 0;
}

/// Live builds, then the newest others, as many as the app's retention.
int list_app(const Face& face, const AppName& app, const Parsed& parsed, const Wanted& wanted) {
  rack::BuildPage page;
  add_builds(face,
             {.app = app,
              .statuses = only({DisplayStatus::queued, DisplayStatus::running}, wanted),
              .kind = wanted.kind},
             page);
  add_builds(face,
             {.app = app,
              .statuses = only({DisplayStatus::succeeded, DisplayStatus::failed,
                                DisplayStatus::canceled, DisplayStatus::abandoned},
                               wanted),
              .kind = wanted.kind,
              .limit = retention_of(face, app)},
             page);
  print_warnings(face, page.warnings);
  if (parsed.flag("format") == "json") {
    face.out.write(builds_json(face, page.builds));
  } else if (page.builds.empty()) {
    face.out.write("No builds recorded for this app\n");
  } else {
    std::vector<std::vector<std::string>> rows = {
        {"Build ID", "Kind", "Status", "PID", "Source", "Started", "Duration"}};
    for (const rack::BuildView& view : page.builds) rows.push_back(row_of_app(face, view));
    face.out.write(table_text(rows));
  }
  return 0;
}

}  // namespace

int list_builds(const Face& face, const Parsed& parsed) {
  if (parsed.word(0).empty()) {
    const Result<Wanted> all = wanted(parsed);
    return all ? list_all(face, parsed, *all) : refuse(face, all.error());
  }
  const Result<AppName> app = existing_app(face, parsed.word(0));
  if (!app) return refuse(face, app.error());
  const Result<Wanted> some = wanted(parsed);
  return some ? list_app(face, *app, parsed, *some) : refuse(face, some.error());
}

int show_build(const Face& face, const Parsed& parsed) {
  const Result<AppName> app = existing_app(face, parsed.word(0));
  if (!app) return refuse(face, app.error());
  if (parsed.word(1).empty()) return refuse(face, "Please specify a build id");
  if (!is_format(parsed.flag("format"))) return refuse(face, kBadFormat);
  const auto id = BuildId::parse(parsed.word(1));
  if (!id) return refuse(face, invalid_id(parsed.word(1)));
  const std::optional<rack::BuildView> view = find_view(face, *app, *id);
  if (!view) return refuse(face, no_record(*app, *id));
  if (parsed.flag("format") == "json") {
    face.out.write(build_json(face, *view) + "\n");
  } else {
    print_header(face, "Build " + id->str());
    face.out.write(info_text(face, *view));
  }
  return 0;
}

}  // namespace cooper::plugin
