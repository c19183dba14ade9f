#include "store/app_lock.h"

namespace cooper::store {

std::optional<FolderLock> lock_app(const FileStore& store, const AppName& app, Holding holding) {
  for (;;) {
    const std::filesystem::path path = store.layout().app(app);
    const Fd folder = store.find_folder(path);
    if (!folder) return std::nullopt;
    try {
      FolderLock lock(folder, {.file = std::string(kDeleteLock),
                               .holding = holding,
                               .what = "the builds of an app that is being deleted"});
      // While we waited it may have been deleted, and made again.
      if (!is_same_file(folder, store.find_folder(path))) continue;
      if (!store.find_app(app)) return std::nullopt;
      return lock;
    } catch (const Error& error) {  // adapter: the folder is gone: look for it again
      if (error.code() == Errc::unavailable && holding == Holding::together) {
        throw Error(Errc::conflict, "app " + app.str() + " is being deleted");
      }
      if (error.code() != Errc::not_found) throw;
    }
  }
}

Error deleted_app(const AppName& app) {
  return {Errc::conflict, "app " + app.str() + " was deleted"};
}

}  // namespace cooper::store
