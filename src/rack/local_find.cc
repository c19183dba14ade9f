// LocalRack: the builds of an app, or of all.

#include "base/error.h"
#include "rack/local_rack.h"

#include <algorithm>
#include <utility>

namespace cooper::rack {

namespace {

/// What a record says of a build that is shown with one of these statuses.
std::vector<Status> stored_statuses(const std::vector<DisplayStatus>& shown) {
  std::vector<Status> stored;
  for (const DisplayStatus status : shown) {
    const auto same = parse_status(to_string(status));  // `abandoned` is shown only
    const Status wanted = same.value_or(Status::running);
    if (std::ranges::find(stored, wanted) == stored.end()) stored.push_back(wanted);
  }
  return stored;
}

}  // namespace

BuildPage LocalRack::list_builds(const AppName& app, std::size_t limit) {
  require_app(app);
  store::BuildList list = store_.list_builds(app, limit);
  BuildPage page{.warnings = std::move(list.warnings)};
  for (Build& build : list.builds) page.builds.push_back(view(std::move(build)));
  find_places(page.builds);
  return page;
}

std::vector<std::string> LocalRack::visit_builds(
    const BuildFilter& filter, const std::function<bool(BuildView&&)>& visit) const {
  if (filter.app) require_app(*filter.app);
  store::BuildQuery query{.app = filter.app,
                          .statuses = stored_statuses(filter.statuses),
                          .kind = filter.kind,
                          .source = filter.source,
                          .since = filter.since,
                          .until = filter.until};
  if (filter.before) {
    const auto named = newest({.app = filter.app, .id = filter.before});
    if (!named) {
      throw Error(Errc::not_found, "no build " + filter.before->str(),
                  "give the last id of the page before, whole");
    }
    query.before = {named->started_at.at, named->id};
  }
  std::size_t visited = 0;
  return store_.query_builds(query, [&](Build&& build) {
    BuildView seen = view(std::move(build));
    if (!filter.statuses.empty() &&
        std::ranges::find(filter.statuses, seen.status) == filter.statuses.end()) {
      return true;
    }
    ++visited;
    return visit(std::move(seen)) && (filter.limit == 0 || visited < filter.limit);
  });
}

BuildPage LocalRack::find_builds(const BuildFilter& filter) {
  BuildPage page;
  page.warnings = visit_builds(filter, [&](BuildView&& build) {
    page.builds.push_back(std::move(build));
    return true;
  });
  find_places(page.builds);
  return page;
}

std::map<AppName, BuildPage> LocalRack::newest_builds() {
  std::map<AppName, BuildPage> newest;
  for (const store::AppBuilds& counted : store_.count_builds().apps) {
    BuildPage page;
    std::optional<Build> build;
    // Whatever is odd is looked at as one app's builds are.
    const bool plain = counted.newest && counted.unreadable == 0;
    try {
      if (plain) build = store_.find_build(counted.app, *counted.newest);
    } catch (const Error&) {  // adapter: damaged since it was counted
    }
    if (build) {
      page.builds.push_back(view(std::move(*build)));
    } else {
      page.warnings = store_.query_builds({.app = counted.app}, [&](Build&& found) {
        page.builds.push_back(view(std::move(found)));
        return false;
      });
    }
    newest.emplace(counted.app, std::move(page));
  }
  return newest;
}

std::vector<BuildView> LocalRack::running(const AppName& app) const {
  std::vector<BuildView> found;
  store_.query_builds({.app = app, .statuses = {Status::running}}, [&](Build&& build) {
    BuildView seen = view(std::move(build));
    if (seen.status == DisplayStatus::running) found.push_back(std::move(seen));
    return true;
  });
  return found;
}

std::optional<Build> LocalRack::newest(const store::BuildQuery& query) const {
  std::optional<Build> found;
  store_.query_builds(query, [&](Build&& build) {
    found = std::move(build);
    return false;
  });
  return found;
}

}  // namespace cooper::rack
