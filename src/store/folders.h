#pragma once
// Making folders of a data root.

#include "base/fd.h"
#include "store/layout.h"

#include <filesystem>
#include <sys/types.h>

namespace cooper::store {

/// Opens a folder beneath the layout's root, and makes, durably and whatever the
/// umask, what is missing of it and of the root: with `mode`, but the root and what is
/// directly in it (`data`, `config`) for all to look into. No symbolic link below
/// the root is followed. What root makes belongs to the owner of the folder that it is
/// in; in a root-owned folder of Dokku's data root to $DOKKU_SYSTEM_USER and
/// $DOKKU_SYSTEM_GROUP (each `dokku` if unset), if there are such. Throws Error.
Fd make_folder(const Layout& layout, const std::filesystem::path& folder, mode_t mode = 0755);

}  // namespace cooper::store
