// FileStore's verbs for apps that Dokku deletes and renames.

#include "base/error.h"
#include "base/file.h"
#include "model/json.h"
#include "store/file_store.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace cooper::store {
namespace fs = std::filesystem;

namespace {

/// A record that ran while its app was renamed has the names that whoever ends
/// it may still call the app by: `"renamed_from": ["old"]`.
constexpr std::string_view kRenamedFrom = "renamed_from";

std::string* renamed_from(Build& build) {
  for (auto& [name, json] : build.unknown_fields) {
    if (name == kRenamedFrom) return &json;
  }
  return nullptr;
}

/// App names need no escapes: the text of the array tells.
bool was_called(Build& build, const AppName& old_name) {
  const std::string* names = renamed_from(build);
  return names && names->find('"' + old_name.str() + '"') != std::string::npos;
}

void add_old_name(Build& build, const AppName& old_name) {
  const std::string quoted = '"' + old_name.str() + '"';
  std::string* names = renamed_from(build);
  if (!names) {
    build.unknown_fields.emplace_back(kRenamedFrom, "[" + quoted + "]");
  } else if (names->ends_with("]") && !was_called(build, old_name)) {
    names->insert(names->size() - 1, "," + quoted);
  }
}

/// The record's text with the app's new name; a damaged one stays as it is.
std::string renamed(const std::string& text, const BuildId& id, const AppName& from,
                    const AppName& to) {
  Result<Build> build = parse_build(text, id, to);
  if (!build) return text;
  if (!is_terminal(build->status)) add_old_name(*build, from);
  return to_json(*build);
}

/// rename(2) that never replaces; false if the target exists.
bool move_entry(const Fd& from, const std::string& name, const Fd& to,
                const std::string& new_name) {
  constexpr unsigned kNoReplace = 1;  // RENAME_NOREPLACE, renameat2(2)
  if (::renameat2(from.get(), name.c_str(), to.get(), new_name.c_str(), kNoReplace) == 0) {
    return true;
  }
  if (errno == EEXIST || errno == ENOTEMPTY) return false;
  if (errno == ENOENT) return true;  // moved by somebody else meanwhile
  throw_errno("move " + name);
}

void sync(const Fd& folder) {
  if (::fsync(folder.get()) != 0) throw_errno("fsync a folder");
}

std::optional<BuildId> id_of_record(const std::string& name) {
  constexpr std::string_view kSuffix = ".json";
  if (!name.ends_with(kSuffix)) return std::nullopt;
  const auto id = BuildId::parse(std::string_view(name).substr(0, name.size() - kSuffix.size()));
  return id ? std::optional(*id) : std::nullopt;
}

/// Moves the files of a folder into another one, but for those that are there
/// already, with what belongs to the same build.
void merge_folder(const Fd& from, const Fd& to, const std::string& shown,
                  std::vector<std::string>& left) {
  const auto stem = [](const std::string& name) { return name.substr(0, name.find('.')); };
  std::set<std::string> kept;
  for (const std::string& name : list_folder(from)) {
    if (name.starts_with('.')) continue;  // of no build
    if (::faccessat(to.get(), name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0)
      kept.insert(stem(name));
  }
  for (const std::string& name : list_folder(from)) {
    if (name == ".lock" || name == kEndingLock) continue;
    if (kept.contains(stem(name)) || !move_entry(from, name, to, name)) {
      left.push_back("Not moved, exists already: " + shown + name);
    }
  }
  sync(to);
  sync(from);
}

}  // namespace

std::optional<AppName> FileStore::find_renamed(const AppName& old_name, const BuildId& id) const {
  const fs::path builds = layout_.builds(old_name).parent_path();
  for (const std::string& name : list_folder(builds)) {
    const auto app = AppName::parse(name);
    if (!app || *app == old_name) continue;
    if (::access(layout_.build(*app, id).record.c_str(), F_OK) != 0) continue;
    std::optional<Build> build = find_build(*app, id);
    if (build && was_called(*build, old_name)) return *app;
  }
  return std::nullopt;
}

void FileStore::move_builds(const AppName& from, const AppName& to,
                            std::vector<std::string>& left) {
  const fs::path old_path = layout_.builds(from);
  const Fd parent = find_folder(old_path.parent_path());
  if (!parent) return;
  // Both locks, always in the order of the names.
  const bool from_first = from < to;
  std::optional<LockedBuilds> first = lock_builds(from_first ? from : to);
  std::optional<LockedBuilds> second = lock_builds(from_first ? to : from);
  std::optional<LockedBuilds>& source = from_first ? first : second;
  std::optional<LockedBuilds>& target = from_first ? second : first;
  if (!source) return;
  const bool moved_whole = !target && move_entry(parent, from.str(), parent, to.str());
  if (!moved_whole && !target) target = lock_builds(to);  // made since we looked
  const Fd& folder = moved_whole ? source->folder : target->folder;
  sync(parent);
  for (const std::string& name : list_folder(source->folder)) {
    const auto id = id_of_record(name);
    if (!id) continue;
    const fs::path path = layout_.build(moved_whole ? to : from, *id).record;
    const std::optional<std::string> text = read(path);
    if (!text) continue;
    try {
      write_file_durably(folder, name, renamed(*text, *id, from, to), 0644,
                         moved_whole ? IfExists::replace : IfExists::fail);
      if (!moved_whole) ::unlinkat(source->folder.get(), name.c_str(), 0);
    } catch (const Error& error) {  // adapter: an id that both have
      if (error.code() != Errc::conflict) throw;
    }
  }
  if (moved_whole) return;
  merge_folder(source->folder, target->folder, from.str() + "/", left);
  if (left.empty()) remove_tree(old_path);
  sync(parent);
}

void FileStore::move_repository(const AppName& from, const AppName& to,
                                std::vector<std::string>& left) {
  const Fd folder = find_folder(layout_.git());
  if (!folder) return;
  const std::string old_name = layout_.git(from).filename();
  if (!move_entry(folder, old_name, folder, layout_.git(to).filename())) {
    left.push_back("Not moved, exists already: " + old_name);
  }
  sync(folder);
}

void FileStore::forget_app(const AppName& name) {
  for (const fs::path& folder :
       {layout_.builds(name), layout_.releases(name), layout_.sources(name), layout_.work(name),
        layout_.git(name), layout_.properties(&name)}) {
    const Fd parent = find_folder(folder.parent_path());
    if (!parent) continue;
    remove_tree(folder);
    sync(parent);
  }
}

std::vector<std::string> FileStore::rename_app(const AppName& from, const AppName& to) {
  std::vector<std::string> left;
  if (from == to) return left;
  move_builds(from, to, left);
  for (const auto& [old_path, new_path] :
       {std::pair{layout_.releases(from), layout_.releases(to)},
        std::pair{layout_.sources(from), layout_.sources(to)},
        std::pair{layout_.properties(&from), layout_.properties(&to)}}) {
    const Fd parent = find_folder(old_path.parent_path());
    const Fd old_folder = find_folder(old_path);
    if (!old_folder) continue;
    if (!move_entry(parent, old_path.filename(), parent, new_path.filename())) {
      const std::size_t before = left.size();
      merge_folder(old_folder, find_folder(new_path), from.str() + ": ", left);
      if (left.size() == before) remove_tree(old_path);
    }
    sync(parent);
  }
  move_repository(from, to, left);
  return left;
}

}  // namespace cooper::store
