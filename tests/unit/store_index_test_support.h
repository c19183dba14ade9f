#pragma once
// What the tests of the index of builds share.

#include "model/json.h"
#include "unit/store_test_support.h"

#include <string>
#include <time.h>
#include <vector>

namespace cooper::store {

using Texts = std::vector<std::string>;

class BuildIndexTest : public FileStoreTest {
 protected:
  /// "app/id" of the builds of a query.
  Texts found(const BuildQuery& query, std::size_t limit = 0) {
    Texts ids;
    warnings_ = store_.query_builds(query, [&](Build&& build) {
      ids.push_back(build.app.str() + "/" + build.id.str());
      return limit == 0 || ids.size() < limit;
    });
    return ids;
  }

  Build add(std::string_view app, std::string_view id, std::int64_t started,
            Status status = Status::succeeded) {
    Build build{.id = build_id(id),
                .app = app_name(app),
                .started_at = {at(started)},
                .status = status,
                .source = "deploy"};
    store_.insert_build(build);
    return build;
  }

  /// As another program writes it: no lock, no fsync, renamed into place.
  void write_as_others_do(const Build& build) const {
    const auto path = layout_.build(build.app, build.id).record;
    write_text(path.parent_path() / "theirs.tmp", to_json(build));
    std::filesystem::rename(path.parent_path() / "theirs.tmp", path);
  }

  std::filesystem::path index() const { return layout_.index(); }

  Texts warnings_;
};

/// Waits until the index trusts what it has read: it does so once a change is
/// older than a tick of the file system's clock.
inline void let_the_index_settle(const FileStore& store) {
  struct timespec pause {
    .tv_nsec = 60'000'000
  };
  ::nanosleep(&pause, nullptr);
  store.count_builds();
}

}  // namespace cooper::store
