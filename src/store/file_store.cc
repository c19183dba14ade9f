#include "store/file_store.h"

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "model/json.h"
#include "store/build_folder.h"
#include "store/folders.h"
#include "store/webhooks.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <sys/stat.h>
#include <tuple>
#include <unistd.h>

namespace cooper::store {
namespace fs = std::filesystem;

namespace {

/// Empty: absent.
Fd find_root(const Layout& layout) {
  Fd root(::open(layout.root().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (root || errno == ENOENT) return root;
  if (errno == ENOTDIR) {
    throw Error(Errc::invalid, "the data root " + layout.root().string() + " is no folder",
                layout.is_dokkus() ? "DOKKU_LIB_ROOT names it" : "COOPER_ROOT names it");
  }
  throw_errno("open " + layout.root().string());
}

}  // namespace

FileStore::FileStore(Layout layout, Memory memory)
    : layout_(std::move(layout)),
      recent_(memory == Memory::recent ? std::make_shared<RecentBuilds>() : nullptr) {}

std::optional<std::string> FileStore::read(const fs::path& path) const {
  const Fd root = find_root(layout_);
  if (!root) return std::nullopt;
  try {
    const Fd fd =
        open_beneath(root, path.lexically_relative(layout_.root()), O_RDONLY | O_NONBLOCK);
    return read_open_file(fd, path.string(), kMaxRecordBytes);
  } catch (const Error& error) {  // adapter: absent is an answer here
    if (error.code() == Errc::not_found) return std::nullopt;
    throw;
  }
}

Fd FileStore::find_folder(const fs::path& folder) const {
  const Fd root = find_root(layout_);
  if (!root) return {};
  try {
    return open_beneath(root, folder.lexically_relative(layout_.root()), O_RDONLY | O_DIRECTORY);
  } catch (const Error& error) {  // adapter: absent is an answer here
    if (error.code() == Errc::not_found) return {};
    throw;
  }
}

void FileStore::remove(const fs::path& path) const { remove(path.parent_path(), {path}); }

void FileStore::remove(const fs::path& folder, std::initializer_list<fs::path> files) const {
  const Fd open = find_folder(folder);
  if (!open) return;
  bool removed = false;
  for (const fs::path& file : files) {
    if (::unlinkat(open.get(), file.filename().c_str(), 0) == 0) {
      removed = true;
    } else if (errno != ENOENT) {
      throw_errno("remove " + file.string());
    }
  }
  if (removed && ::fsync(open.get()) != 0) throw_errno("fsync " + folder.string());
}

std::vector<std::string> FileStore::names(const fs::path& folder) const {
  const Fd open = find_folder(folder);
  return open ? list_folder(open) : std::vector<std::string>{};
}

Fd FileStore::folder_for_writing(const fs::path& folder, mode_t mode) const {
  find_root(layout_);  // throws for what is none
  return make_folder(layout_, folder, mode);
}

// Apps

namespace {

Error no_such_app(const AppName& name) {
  return Error(Errc::not_found, "no such app: " + name.str());
}

/// An app of Dokku's: it exists if its folder does.
std::optional<App> find_dokku_app(const fs::path& apps_root, const AppName& name) {
  struct stat info {};
  if (::stat((apps_root / name.str()).c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    return std::nullopt;
  }
  const std::chrono::seconds made{info.st_ctim.tv_sec};
  return App{.name = name, .created_at = {Time(made)}};
}

}  // namespace

App FileStore::create_app(const AppName& name) {
  if (layout_.is_dokkus()) {
    throw Error(Errc::not_found, "App " + name.str() + " does not exist",
                "Dokku makes its apps: dokku apps:create " + name.str());
  }
  const App app{.name = name, .created_at = {now()}};
  const Fd folder = folder_for_writing(layout_.app(name), 0755);
  try {
    write_file_durably(folder, "app.json", to_json(app), 0644, IfExists::fail);
  } catch (const Error& error) {  // adapter: say it in the app's terms
    if (error.code() != Errc::conflict) throw;
    throw Error(Errc::conflict, "app " + name.str() + " exists already");
  }
  sync_folder(layout_.apps());
  return app;
}

std::optional<App> FileStore::find_app(const AppName& name) const {
  if (layout_.is_dokkus()) return find_dokku_app(layout_.dokku_apps(), name);
  const auto text = read(layout_.app(name) / "app.json");
  if (!text) return std::nullopt;
  Result<App> app = parse_app(*text, name);
  if (!app) throw Error(app.error()).while_doing("app " + name.str());
  return std::move(*app);
}

std::vector<AppName> FileStore::app_names() const {
  find_root(layout_);  // throws for what is none: no apps would be a wrong answer
  const fs::path root = layout_.is_dokkus() ? layout_.dokku_apps() : layout_.apps();
  std::vector<AppName> apps = ids_of<AppName>(list_folder(root), "");
  std::erase_if(apps, [&](const AppName& app) {
    struct stat info {};
    if (::lstat((root / app.str()).c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) return true;
    // A folder may be on its way to become an app, or the rest of one.
    return !layout_.is_dokkus() && ::lstat((root / app.str() / "app.json").c_str(), &info) != 0;
  });
  return apps;
}

std::vector<App> FileStore::list_apps() const {
  std::vector<App> apps;
  for (const AppName& name : app_names()) {
    if (auto app = find_app(name)) apps.push_back(std::move(*app));
  }
  return apps;
}

/// Of the folders of apps that are gone; no app is called so.
constexpr std::string_view kGonePrefix = ".deleted-";

void FileStore::delete_app(const AppName& name) {
  if (!find_app(name)) throw no_such_app(name);
  // The app itself goes last: after a crash on the way it is there to be deleted again.
  for (const fs::path& folder :
       {layout_.builds(name), layout_.releases(name), layout_.sources(name), layout_.work(name),
        layout_.objects(name), layout_.git(name), layout_.hooks(name), layout_.properties(&name)}) {
    if (find_folder(folder.parent_path())) remove_tree(folder);
  }
  // It is gone at once, with its locks: nobody has one of them while there is half an app.
  const fs::path gone = layout_.apps() / (std::string(kGonePrefix) + random_base36(16));
  const Fd apps = find_folder(layout_.apps());
  if (::renameat(apps.get(), name.str().c_str(), apps.get(), gone.filename().c_str()) != 0) {
    throw_errno("remove " + layout_.app(name).string());
  }
  for (const std::string& rest : list_folder(apps)) {  // also of one who was killed here
    if (rest.starts_with(kGonePrefix)) remove_tree(layout_.apps() / rest);
  }
  sync_folder(layout_.apps());
}

// Builds

namespace {

/// What webhooks are told of a record that is about to become what `build` is.
void raise_changes(const Layout& layout, const std::optional<Build>& before, const Build& build) {
  const auto raise = [&](EventKind kind) {
    raise_event(layout, {.kind = kind,
                         .app = build.app.str(),
                         .id = build.id.str(),
                         .release = {},
                         .data = to_json(build),
                         .at = {now()}});
  };
  const bool ran = before && before->status != Status::queued;
  if (!ran && build.status == Status::running) raise(EventKind::build_started);
  const bool had_ended = before && is_terminal(before->status);
  if (!had_ended && is_terminal(build.status)) raise(EventKind::build_finished);
}

}  // namespace

std::optional<FileStore::LockedBuilds> FileStore::lock_builds(const AppName& app,
                                                              const LockName& name) const {
  for (;;) {
    Fd folder = find_folder(layout_.builds(app));
    if (!folder) return std::nullopt;
    try {
      FolderLock lock(folder, name);
      // While we waited the app may have been renamed or deleted.
      if (is_same_file(folder, find_folder(layout_.builds(app)))) {
        return LockedBuilds{std::move(folder), std::move(lock)};
      }
    } catch (const Error& error) {  // adapter: the folder is gone: look for it again
      if (error.code() != Errc::not_found) throw;
    }
  }
}

void FileStore::insert_build(const Build& build) {
  std::optional<LockedBuilds> locked;
  while (!locked) {
    folder_for_writing(layout_.builds(build.app), 0755);
    locked = lock_builds(build.app);
  }
  raise_changes(layout_, std::nullopt, build);
  try {
    write_file_durably(locked->folder, build.id.str() + ".json", to_json(build), 0644,
                       IfExists::fail);
  } catch (const Error& error) {  // adapter: say it in the build's terms
    if (error.code() != Errc::conflict) throw;
    throw Error(Errc::conflict, "build " + build.id.str() + " exists already");
  }
}

std::optional<Build> FileStore::find_build(const AppName& app, const BuildId& id) const {
  try {
    const auto text = read(layout_.build(app, id).record);
    if (!text) return std::nullopt;
    return parse_build(*text, id, app).value();
  } catch (const Error& error) {  // adapter: say it in the build's terms, and what can be done
    if (error.code() == Errc::denied) {
      throw Error(error.code(), unreadable_record(app, id, error), error.hint());
    }
    throw Error(Errc::corrupt, unreadable_record(app, id, error),
                "put back a good copy, or remove the build: cooper builds remove " + id.str() +
                    " -a " + app.str());
  }
}

std::vector<BuildId> FileStore::build_ids(const AppName& app) const {
  return ids_of<BuildId>(names(layout_.builds(app)), ".json");
}

BuildList FileStore::list_builds(const AppName& app, std::size_t limit) const {
  BuildList list;
  if (limit != 0 && !has_few_builds(app)) {
    list.warnings = query_builds({.app = app}, [&](Build&& build) {
      list.builds.push_back(std::move(build));
      return list.builds.size() < limit;
    });
    return list;
  }
  for (const BuildId& id : build_ids(app)) {
    try {
      if (auto build = find_build(app, id)) list.builds.push_back(std::move(*build));
    } catch (const Error& error) {  // boundary: one damaged record must not hide the others
      list.warnings.push_back(error.message());
    }
  }
  std::ranges::sort(list.builds, [](const Build& a, const Build& b) {
    return std::tie(a.started_at.at, a.id) > std::tie(b.started_at.at, b.id);
  });
  if (limit != 0 && list.builds.size() > limit)
    list.builds.erase(list.builds.begin() + static_cast<std::ptrdiff_t>(limit), list.builds.end());
  return list;
}

Build FileStore::change_build(const AppName& app, const BuildId& id,
                              const std::function<void(Build&)>& change) {
  auto locked = lock_builds(app);
  const std::optional<Build> before = locked ? find_build(app, id) : std::nullopt;
  if (!before) {
    locked.reset();  // whoever renames takes two locks, in another order
    // A build that ran while its app was renamed still says the old name.
    if (const auto now_of = find_renamed(app, id)) return change_build(*now_of, id, change);
    throw Error(Errc::not_found, "no build " + id.str() + " of app " + app.str());
  }
  Build build = *before;
  change(build);
  if (build != *before) {
    raise_changes(layout_, before, build);
    write_file_durably(locked->folder, id.str() + ".json", to_json(build), 0644);
  }
  return build;
}

Finalized FileStore::finalize_build(const AppName& app, const BuildId& id, const Outcome& outcome,
                                    Time when) {
  bool won = false;
  Build build =
      change_build(app, id, [&](Build& current) { won = finalize(current, outcome, when); });
  return {std::move(build), won};
}

void FileStore::remove_build(const AppName& app, const BuildId& id) {
  const BuildFiles files = layout_.build(app, id);
  // The record goes last: until then the build is known and can be removed again. If
  // a crash makes it go before its log, that is a leftover, which a prune finds.
  if (find_folder(layout_.work(app))) remove_tree(files.work);
  remove(layout_.sources(app), {files.source, files.request});
  remove(files.folder, {files.statement, files.steps, files.log_tails[0], files.log_tails[1],
                        files.log, files.record});
}

std::uint64_t FileStore::build_bytes(const AppName& app, const BuildId& id) const {
  const BuildFiles files = layout_.build(app, id);
  std::uint64_t total = 0;
  const auto add = [&](const Fd& folder, const fs::path& file) {
    struct stat info {};
    if (::fstatat(folder.get(), file.filename().c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(info.st_mode)) {
      // Of a source that several builds share, each has a part.
      total += static_cast<std::uint64_t>(info.st_size) / std::max<std::uint64_t>(info.st_nlink, 1);
    }
  };
  if (const Fd folder = find_folder(files.folder)) {
    add(folder, files.log);
    for (const fs::path& tail : files.log_tails) add(folder, tail);
    add(folder, files.steps);
    add(folder, files.statement);
  }
  if (const Fd folder = find_folder(layout_.sources(app))) {
    add(folder, files.source);
    add(folder, files.request);
  }
  return total;
}

// Properties

std::optional<std::string> FileStore::find_property(const AppName* app,
                                                    const PropertyKey& key) const {
  return read(layout_.properties(app) / key.str());
}

std::vector<PropertyKey> FileStore::property_keys(const AppName* app) const {
  return ids_of<PropertyKey>(names(layout_.properties(app)), "");
}

void FileStore::set_property(const AppName* app, const PropertyKey& key,
                             const std::optional<std::string>& value) {
  if (value) {
    const Fd folder = folder_for_writing(layout_.properties(app), 0755);
    write_file_durably(folder, key.str(), *value, 0600);
  } else {
    remove(layout_.properties(app) / key.str());
  }
}

}  // namespace cooper::store
