#pragma once
// Folders of a data root: making them, and what their files are called.

#include "base/fd.h"
#include "store/layout.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace cooper::store {

/// Opens a folder beneath the layout's root, and makes, durably and whatever the
/// umask, what is missing of it and of the root: with `mode`, but the root and what is
/// directly in it (`data`, `config`) for all to look into. No symbolic link below
/// the root is followed. What root makes belongs to the owner of the folder that it is
/// in; in a root-owned folder of Dokku's data root to $DOKKU_SYSTEM_USER and
/// $DOKKU_SYSTEM_GROUP (each `dokku` if unset), if there are such. Throws Error.
Fd make_folder(const Layout& layout, const std::filesystem::path& folder, mode_t mode = 0755);

/// Ids of the files called `<id><suffix>`, ascending. Files whose name is no id
/// are not ours to read.
template <class Id>
std::vector<Id> ids_of(const std::vector<std::string>& names, std::string_view suffix) {
  std::vector<Id> ids;
  for (const std::string& name : names) {
    if (!name.ends_with(suffix)) continue;
    if (auto id = Id::parse(std::string_view(name).substr(0, name.size() - suffix.size()))) {
      ids.push_back(std::move(*id));
    }
  }
  std::ranges::sort(ids);
  return ids;
}

}  // namespace cooper::store
