#include "store/build_index.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

#include <algorithm>
#include <deque>
#include <future>
#include <iterator>
#include <utility>

namespace cooper::store {

namespace {

/// From how many folders on rows are written first and sorted for queries afterwards.
constexpr std::size_t kBulkFolders = 500;
/// Folders that are read at the same time; reading one is the work of one core.
constexpr std::size_t kParallelFolders = 4;

/// More are looked at by two threads.
constexpr std::size_t kManyFolders = 2000;

struct FolderRead {
  std::vector<RecordFacts> known;
  FolderFacts facts;
  std::string warning;  ///< not empty: the folder can't be read
};

FolderRead read_folder(const Fd& all_builds, const AppName& app, std::vector<RecordFacts> known) {
  FolderRead read{.known = std::move(known)};
  try {
    read.facts = read_build_folder(all_builds, app, read.known);
  } catch (const Error& error) {  // boundary: one folder must not hide the others
    read.warning = "the builds of " + app.str() + " can't be read: " + printable(error.message());
  }
  return read;
}

}  // namespace

BuildIndex::BuildIndex(const Layout& layout, const Fd& all_builds, std::optional<AppName> app)
    : layout_(layout), all_builds_(all_builds), app_(std::move(app)) {
  open();
  bring_up_to_date();
}

void BuildIndex::open() {
  for (;; place_ = static_cast<Place>(static_cast<int>(place_) + 1)) {
    tables_.reset();
    try {
      if (place_ == Place::memory) {
        file_.reset();
        tables_.emplace(sqlite::Database::in_memory());
      } else {
        if (!file_) file_.emplace(layout_.root());
        if (place_ == Place::new_file) file_->remove();
        tables_.emplace(file_->open());
      }
      return;
    } catch (const sqlite::Failure& failure) {  // adapter: another database will do
      if (place_ == Place::memory) throw;
      if (failure.code() != Errc::corrupt) place_ = Place::new_file;  // memory is next
    } catch (const Error&) {  // adapter: no file can be had there
      place_ = Place::new_file;
    }
  }
}

void BuildIndex::give_up(const sqlite::Failure& failure) {
  if (place_ == Place::memory) throw failure;
  const bool new_file_helps = place_ == Place::file && failure.code() == Errc::corrupt;
  place_ = new_file_helps ? Place::new_file : Place::memory;
  open();
}

void BuildIndex::bring_up_to_date() {
  for (;;) {
    try {
      refresh();
      return;
    } catch (const sqlite::Failure& failure) {  // adapter: another database will do
      give_up(failure);
    }
  }
}

template <class Action>
auto BuildIndex::robustly(Action action) -> decltype(action()) {
  for (;;) {
    try {
      return action();
    } catch (const sqlite::Failure& failure) {  // adapter: another database will do
      give_up(failure);
      bring_up_to_date();
    }
  }
}

// Bringing it up to date

void BuildIndex::refresh() {
  if (find_changes().none()) return;
  sqlite::Transaction transaction(tables_->database());
  // Again, now that nobody else writes: another process may have done it meanwhile.
  apply(find_changes());
  transaction.commit();
  if (file_) file_->tidy(tables_->database());
}

BuildIndex::Changes BuildIndex::find_changes() {
  Changes changes;
  if (app_) {
    compare(tables_->folder(*app_).value_or(IndexedFolder{.app = *app_}), changes);
  } else {
    const std::vector<IndexedFolder> known = tables_->folders();
    compare_all(known, changes);
    find_new_folders(known, changes);
  }
  find_mended_records(changes);
  return changes;
}

void BuildIndex::compare_all(std::span<const IndexedFolder> folders, Changes& changes) const {
  const auto compare_some = [this](std::span<const IndexedFolder> some) {
    Changes found;
    for (const IndexedFolder& folder : some) compare(folder, found);
    return found;
  };
  // Thousands of calls of stat(2) are all that a question about all apps waits for.
  const bool many = folders.size() > kManyFolders;
  const std::size_t half = many ? folders.size() / 2 : folders.size();
  std::future<Changes> second = std::async(many ? std::launch::async : std::launch::deferred,
                                           compare_some, folders.subspan(half));
  for (Changes found : {compare_some(folders.first(half)), second.get()}) {
    std::ranges::move(found.stale, std::back_inserter(changes.stale));
    std::ranges::move(found.gone, std::back_inserter(changes.gone));
  }
}

void BuildIndex::compare(const IndexedFolder& folder, Changes& changes) const {
  const Stamped now = stamp_of(all_builds_, folder.app.str());
  if (now.what != StampOf::folder) {
    if (folder.key != 0) changes.gone.push_back(folder);
  } else if (!folder.stamp.trusted() || folder.stamp != now.stamp) {
    changes.stale.push_back(folder);
  }
}

void BuildIndex::find_new_folders(const std::vector<IndexedFolder>& known, Changes& changes) {
  const Stamp now = stamp_of(all_builds_);
  const Stamp stored = tables_->all_builds();
  if (stored.trusted() && stored == now) return;
  changes.all_builds = now;
  std::vector<std::string> names = list_folder(all_builds_);
  std::ranges::sort(names);
  std::vector<std::string_view> known_names;
  for (const IndexedFolder& folder : known) known_names.push_back(folder.app.str());
  std::ranges::sort(known_names);
  for (const std::string& name : names) {
    if (std::ranges::binary_search(known_names, name)) continue;
    if (auto app = AppName::parse(name)) compare({.app = std::move(*app)}, changes);
  }
}

void BuildIndex::find_mended_records(Changes& changes) {
  for (const IndexTables::Unreadable& bad : tables_->unreadable(app_)) {
    const auto is_this = [&](const IndexedFolder& folder) { return folder.key == bad.folder.key; };
    if (std::ranges::any_of(changes.stale, is_this)) continue;
    const Stamped now =
        stamp_of(all_builds_, bad.folder.app.str() + "/" + bad.record.id.str() + ".json");
    if (!bad.record.stamp.trusted() || now.stamp != bad.record.stamp) {
      changes.stale.push_back(bad.folder);
    }
  }
}

void BuildIndex::apply(const Changes& changes) {
  for (const IndexedFolder& folder : changes.gone) tables_->remove(folder);
  const bool bulk = !app_ && changes.stale.size() >= kBulkFolders && tables_->folders().empty();
  if (bulk) tables_->begin_bulk();
  read_folders(changes.stale);
  if (bulk) tables_->end_bulk();
  if (changes.all_builds) tables_->set_all_builds(*changes.all_builds);
}

void BuildIndex::read_folders(const std::vector<IndexedFolder>& folders) {
  folder_warnings_.clear();
  const auto policy = folders.size() > 1 ? std::launch::async : std::launch::deferred;
  std::deque<std::future<FolderRead>> reads;
  auto next = folders.begin();
  for (const IndexedFolder& folder : folders) {
    for (; next != folders.end() && reads.size() < kParallelFolders; ++next) {
      std::vector<RecordFacts> known;
      if (next->key != 0) known = tables_->records(*next);
      reads.push_back(std::async(policy, read_folder, std::cref(all_builds_), std::cref(next->app),
                                 std::move(known)));
    }
    const FolderRead read = reads.front().get();
    reads.pop_front();
    if (!read.warning.empty()) folder_warnings_.push_back(read.warning);
    tables_->write(folder, read.known, read.facts);
  }
}

// Asking it

std::vector<IndexRow> BuildIndex::find(const BuildQuery& query, const IndexRow* last,
                                       std::size_t count) {
  return robustly([&] { return tables_->find(query, last, count); });
}

void BuildIndex::reread(const AppName& app) {
  robustly([&] {
    sqlite::Transaction transaction(tables_->database());
    if (const auto folder = tables_->folder(app)) read_folders({*folder});
    transaction.commit();
    if (file_) file_->tidy(tables_->database());
  });
}

std::vector<AppBuilds> BuildIndex::count() {
  return robustly([&] { return tables_->count(); });
}

std::vector<BuildTally> BuildIndex::tally() {
  return robustly([&] { return tables_->tally(); });
}

std::vector<std::string> BuildIndex::warnings() {
  return robustly([&] {
    std::vector<std::string> warnings = folder_warnings_;
    for (IndexTables::Unreadable& bad : tables_->unreadable(app_)) {
      warnings.push_back(std::move(bad.record.warning));
    }
    return warnings;
  });
}

}  // namespace cooper::store
