#include "store/build_folder.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "model/json.h"
#include "store/layout.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

namespace cooper::store {

namespace {

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

/// A second change may follow within one tick of the file system's clock, and
/// leave the same time: what changed so lately is not to be trusted, as git does
/// with its index. Whole seconds are the mark of file systems with coarse clocks.
bool may_change_unseen(std::int64_t changed, std::int64_t clock) {
  const std::int64_t tick = changed % 1'000'000'000 == 0 ? 2'000'000'000 : 50'000'000;
  return changed > clock - tick;
}

Stamp stamp_from(const struct stat& info, std::int64_t clock) {
  const std::int64_t changed = nanoseconds(info.st_ctim);
  return {.inode = info.st_ino,
          .size = S_ISDIR(info.st_mode) ? 0 : std::int64_t{info.st_size},
          .changed = may_change_unseen(changed, clock) ? 0 : changed};
}

std::int64_t clock_now() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &time);  // the one that file systems take
  return nanoseconds(time);
}

/// Everything about a record that is there; its problem if it can't be read.
RecordFacts read_record(const Fd& folder, const AppName& app, const BuildId& id, Stamp stamp) {
  RecordFacts facts{.id = id, .stamp = stamp};
  try {
    const std::string name = id.str() + ".json";
    const Fd fd(
        ::openat(folder.get(), name.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) throw_errno("open " + name);
    const Build build = parse_build(read_open_file(fd, name, kMaxRecordBytes), id, app).value();
    facts.started = build.started_at.at;
    facts.status = build.status;
    facts.kind = build.kind;
    facts.source = build.source;
  } catch (const Error& error) {  // boundary: one damaged record must not hide the others
    facts.warning = unreadable_record(app, id, error);
  }
  return facts;
}

std::size_t count_leftovers(const std::vector<std::string>& names,
                            const std::vector<RecordFacts>& records) {
  const auto is_leftover = [&](std::string_view name) {
    if (is_temporary(name)) return true;
    const std::string_view owner = name.substr(0, name.find('.'));
    const std::string_view suffix = name.substr(owner.size());
    if (owner.empty() || !is_beside_record(suffix)) return false;
    const auto id = std::ranges::lower_bound(records, owner, {}, [](const RecordFacts& each) {
      return std::string_view(each.id.str());
    });
    return id == records.end() || id->id.str() != owner;
  };
  return static_cast<std::size_t>(std::ranges::count_if(names, is_leftover));
}

}  // namespace

bool is_beside_record(std::string_view suffix) {
  return suffix.starts_with(".log") || suffix == ".steps.jsonl" || suffix == kStatementSuffix;
}

bool is_temporary(std::string_view name) {
  return name.starts_with(kTemporaryPrefix) || name.ends_with(".json.tmp");
}

std::string unreadable_record(const AppName& app, const BuildId& id, const Error& error) {
  return "record " + app.str() + "/" + id.str() + " can't be read: " + printable(error.message());
}

Stamped stamp_of(const Fd& folder, const std::string& name) {
  const std::int64_t clock = clock_now();
  struct stat info {};
  if (::fstatat(folder.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return {};
    throw_errno("stat " + name);
  }
  return {.what = S_ISDIR(info.st_mode)   ? StampOf::folder
                  : S_ISREG(info.st_mode) ? StampOf::file
                                          : StampOf::other,
          .stamp = stamp_from(info, clock)};
}

Stamp stamp_of(const Fd& folder) {
  const std::int64_t clock = clock_now();
  struct stat info {};
  if (::fstat(folder.get(), &info) != 0) throw_errno("stat a folder of records");
  return stamp_from(info, clock);
}

FolderFacts read_build_folder(const Fd& all_builds, const AppName& app,
                              const std::vector<RecordFacts>& known) {
  const Fd folder(::openat(all_builds.get(), app.str().c_str(),
                           O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) {
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) return {};
    throw_errno("read the builds of " + app.str());
  }
  // The stamp first: what changes while we read makes it differ from then on.
  FolderFacts facts{.stamp = stamp_of(folder)};
  std::vector<std::string> names = list_folder(folder);
  std::ranges::sort(names);
  for (const std::string& name : names) {
    constexpr std::string_view kSuffix = ".json";
    if (!name.ends_with(kSuffix)) continue;
    const auto id = BuildId::parse(std::string_view(name).substr(0, name.size() - kSuffix.size()));
    if (!id) continue;  // not ours to read
    const Stamped now = stamp_of(folder, name);
    if (now.what == StampOf::nothing) continue;  // removed meanwhile
    const auto before = std::ranges::lower_bound(known, *id, {}, &RecordFacts::id);
    if (before != known.end() && before->id == *id && before->stamp.trusted() &&
        before->stamp == now.stamp) {
      facts.records.push_back(*before);
    } else {
      facts.records.push_back(read_record(folder, app, *id, now.stamp));
    }
  }
  std::ranges::sort(facts.records, {}, &RecordFacts::id);  // "a-b.json" sorts before "a.json"
  facts.leftovers = count_leftovers(names, facts.records);
  return facts;
}

}  // namespace cooper::store
