#pragma once
// Whose it is what root makes: a root's command must not lock the others out.

#include "base/fd.h"

#include <optional>
#include <string>
#include <sys/types.h>

namespace cooper {

struct Owner {
  uid_t user = 0;
  gid_t group = 0;
};

/// Gives what root has just made in `folder` to the folder's owner; nothing if that
/// is root, or if we are not. `made` must be new: to give away what was there might
/// show its owner what root keeps from them. Best effort: where nothing can be given
/// away (some network file systems and containers) all stays as it is made.
void give_to_owner_of(const Fd& folder, const Fd& made) noexcept;

/// The same for an owner that is known. Best effort, too.
void give_to(const Owner& owner, const Fd& made) noexcept;

/// Of a folder or file; nullopt if it can't be told.
std::optional<Owner> owner_of(const Fd& file) noexcept;

/// Who runs us; with sudo the person behind it. "uid 1234" of a user without a name.
std::string name_of_caller();

/// By name; nullopt if there is none.
std::optional<uid_t> find_user(const std::string& name);
std::optional<gid_t> find_group(const std::string& name);

}  // namespace cooper
