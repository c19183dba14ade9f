// Queries over records in files: a few are read, many are found by the index.

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "store/build_index.h"
#include "store/file_store.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace cooper::store {

bool matches(const BuildQuery& query, const Build& build) {
  const auto place = [](const auto& started, const BuildId& id) { return std::tie(started, id); };
  return (!query.app || build.app == *query.app) && (!query.id || build.id == *query.id) &&
         (query.statuses.empty() ||
          std::ranges::find(query.statuses, build.status) != query.statuses.end()) &&
         (!query.kind || build.kind == *query.kind) &&
         (query.source.empty() || build.source == query.source) &&
         (!query.since || build.started_at.at >= *query.since) &&
         (!query.until || build.started_at.at < *query.until) &&
         (!query.before ||
          place(build.started_at.at, build.id) < place(query.before->started, query.before->id));
}

namespace {

/// So few names are read with the records behind them more quickly than asked for.
constexpr std::size_t kFewNames = 256;
/// Rows are fetched in pieces: no lock is held while somebody looks at a build.
constexpr std::size_t kFirstRows = 64;
constexpr std::size_t kMoreRows = 512;

/// One query by the index. What a record says decides: a row whose record says
/// otherwise has its folder read again, once, and the query goes on from there.
class IndexedQuery {
 public:
  IndexedQuery(const FileStore& store, const Fd& all_builds, const BuildQuery& query)
      : store_(store), query_(query), index_(store.layout(), all_builds, query.app) {}

  std::vector<std::string> run(const VisitBuild& visit) {
    warnings_ = index_.warnings();
    while (visit_rows(visit)) {
    }
    for (const AppName& app : outdated_) index_.reread(app);
    return std::move(warnings_);
  }

 private:
  /// False: the query is at its end.
  bool visit_rows(const VisitBuild& visit) {
    const std::size_t count = last_ ? kMoreRows : kFirstRows;
    const std::vector<IndexRow> rows = index_.find(query_, last_ ? &*last_ : nullptr, count);
    for (const IndexRow& row : rows) {
      std::optional<Build> build = read(row);
      const bool in_its_place =
          build && build->started_at.at == row.started && matches(query_, *build);
      if (build && !in_its_place && reread_.insert(row.app).second) {
        index_.reread(row.app);
        return true;
      }
      last_ = row;
      if (!in_its_place) continue;
      if (build->status != row.status) outdated_.insert(row.app);
      if (!visit(std::move(*build))) return false;
    }
    return rows.size() == count;
  }

  /// nullopt: removed meanwhile, or not readable any more.
  std::optional<Build> read(const IndexRow& row) {
    try {
      return store_.find_build(row.app, row.id);
    } catch (const Error& error) {  // boundary: one damaged record must not hide the others
      warnings_.push_back(error.message());
      outdated_.insert(row.app);
      return std::nullopt;
    }
  }

  const FileStore& store_;
  const BuildQuery& query_;
  BuildIndex index_;
  std::optional<IndexRow> last_;
  std::set<AppName> reread_;    ///< while the query ran
  std::set<AppName> outdated_;  ///< to be read again for later queries
  std::vector<std::string> warnings_;
};

}  // namespace

bool FileStore::has_few_builds(const AppName& app) const {
  const Fd folder = find_folder(layout_.builds(app));
  return !folder || list_folder(folder, kFewNames + 1).size() <= kFewNames;
}

std::vector<std::string> FileStore::query_builds(const BuildQuery& query,
                                                 const VisitBuild& visit) const {
  const auto recent = recent_ && query.app && !query.before ? recent_builds(*query.app) : nullptr;
  if (!recent) return read_builds(query, visit);
  for (const Build& build : recent->builds) {
    if (matches(query, build) && !visit(Build(build))) return {};
  }
  if (recent->all) return {};
  BuildQuery rest = query;
  rest.before = {recent->builds.back().started_at.at, recent->builds.back().id};
  return read_builds(rest, visit);
}

/// Null if nothing can be kept: there is something to be said, or it changes just now.
std::shared_ptr<const RecentBuilds::Kept> FileStore::recent_builds(const AppName& app) const {
  const Fd folder = find_folder(layout_.builds(app));
  if (!folder) return nullptr;
  if (auto kept = recent_->find(app, folder.get())) return kept;
  const auto seen = RecentBuilds::look(folder.get());
  if (!seen) return nullptr;
  RecentBuilds::Kept found{.all = true};
  const auto warnings = read_builds({.app = app}, [&found](Build&& build) {
    found.all = found.builds.size() < RecentBuilds::kBuilds;
    if (found.all) found.builds.push_back(std::move(build));
    return found.all;
  });
  if (!warnings.empty()) return nullptr;
  recent_->keep(app, *seen, std::move(found));
  return recent_->find(app, folder.get());
}

std::vector<std::string> FileStore::read_builds(const BuildQuery& query,
                                                const VisitBuild& visit) const {
  const Fd all_builds = find_folder(layout_.builds());
  if (!all_builds) return {};
  if (!query.app || !has_few_builds(*query.app)) {
    return IndexedQuery(*this, all_builds, query).run(visit);
  }
  BuildList list = list_builds(*query.app, 0);
  for (Build& build : list.builds) {
    if (matches(query, build) && !visit(std::move(build))) break;
  }
  return std::move(list.warnings);
}

std::vector<BuildTally> FileStore::tally_builds() const {
  const Fd all_builds = find_folder(layout_.builds());
  if (!all_builds) return {};
  return BuildIndex(layout_, all_builds, std::nullopt).tally();
}

AppBuildsList FileStore::count_builds() const {
  const Fd all_builds = find_folder(layout_.builds());
  if (!all_builds) return {};
  BuildIndex index(layout_, all_builds, std::nullopt);
  return {index.count(), index.warnings()};
}

}  // namespace cooper::store
