#include "store/folders.h"

#include "base/error.h"
#include "base/file.h"
#include "base/owner.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace cooper::store {
namespace fs = std::filesystem;

namespace {

std::string variable_or(const char* name, const char* otherwise) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets variables
  const char* value = std::getenv(name);
  return value && *value != '\0' ? value : otherwise;
}

std::optional<Owner> dokku_user() {
  const auto user = find_user(variable_or("DOKKU_SYSTEM_USER", "dokku"));
  const auto group = find_group(variable_or("DOKKU_SYSTEM_GROUP", "dokku"));
  if (!user || !group) return std::nullopt;
  return Owner{.user = *user, .group = *group};
}

/// See make_folder. `parent` and `made` are open folders.
void give_away(const Layout& layout, const Fd& parent, const Fd& made) {
  if (::geteuid() != 0) return;
  const auto owner = owner_of(parent);
  if (!layout.is_dokkus() || (owner && owner->user != 0)) {
    give_to_owner_of(parent, made);
  } else if (const auto dokku = dokku_user()) {
    give_to(*dokku, made);
  }
}

/// Of the root and of what is directly in it: the rights of what is further down are its own.
constexpr mode_t kOpenToAll = 0755;

void make_root(const Layout& layout) {
  const fs::path& root = layout.root();
  struct stat info {};
  if (::stat(root.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return;
  make_folders(root, kOpenToAll);
  if (!layout.is_dokkus()) return;
  give_away(layout, open_file(root.parent_path(), O_RDONLY | O_DIRECTORY),
            open_file(root, O_RDONLY | O_DIRECTORY));
}

/// Empty if there is none yet.
Fd find(const Fd& root, const fs::path& relative) {
  try {
    return open_beneath(root, relative, O_RDONLY | O_DIRECTORY);
  } catch (const Error& error) {  // adapter: absent is an answer here
    if (error.code() == Errc::not_found) return {};
    throw;
  }
}

}  // namespace

Fd make_folder(const Layout& layout, const fs::path& folder, mode_t mode) {
  make_root(layout);
  const fs::path relative = folder.lexically_relative(layout.root());
  Fd at = open_file(layout.root(), O_RDONLY | O_DIRECTORY);
  if (Fd found = find(at, relative)) return found;
  // Step by step, so that no symbolic link on the way has a folder made elsewhere.
  mode_t part_mode = kOpenToAll;
  for (const fs::path& part : relative) {
    const bool made = ::mkdirat(at.get(), part.c_str(), part_mode) == 0;
    if (!made && errno != EEXIST) throw_errno("create folder " + folder.string());
    Fd next = open_beneath(at, part, O_RDONLY | O_DIRECTORY);
    if (made) {
      give_away(layout, at, next);
      if (::fchmod(next.get(), part_mode) != 0 || ::fsync(at.get()) != 0) {
        throw_errno("create folder " + folder.string());
      }
    }
    at = std::move(next);
    part_mode = mode;
  }
  return at;
}

}  // namespace cooper::store
