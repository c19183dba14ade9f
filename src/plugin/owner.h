#pragma once
// Whose Dokku's files are, where root writes them.

#include "plugin/face.h"

#include <filesystem>
#include <span>
#include <sys/types.h>
#include <vector>

namespace cooper::plugin {

/// A user and group; `applies` false: what we write is theirs already.
struct Owner {
  uid_t user = 0;
  gid_t group = 0;
  bool applies = false;
};

/// $DOKKU_SYSTEM_USER and $DOKKU_SYSTEM_GROUP, else `dokku` if there is that
/// user. Only root gives files away, and only under Dokku's data root.
/// Error{invalid} if a named one does not exist, in Dokku's words.
[[nodiscard]] Result<Owner> dokku_user(const Face& face);

/// Gives the files that exist to `owner`; links themselves, not what they name.
void give_to(const Owner& owner, const std::vector<std::filesystem::path>& files);

}  // namespace cooper::plugin
