#pragma once
// A bare git repository that others push to and fetch from.

#include "source/git_command.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::source {

struct RepositoryHook {
  std::string name;    ///< "pre-receive"
  std::string script;  ///< with its first line
};

/// Makes a bare repository with these hooks and no others, which no configuration of the user's
/// takes out of force, and which checks what is pushed; or brings settings and hooks of the one
/// that is there up to date, and leaves all else. Whole or not at all. Its folder must exist. By
/// several at once. What root makes belongs to the owner of that folder. Throws Error.
void make_repository(const std::filesystem::path& repository,
                     const std::vector<RepositoryHook>& hooks);

/// Can a branch be called so ("main", "topic/one")? As git-check-ref-format(1) has it.
bool is_branch_name(std::string_view text);

/// The object that a ref ("refs/heads/main") names; nullopt if there is no such ref. Throws Error.
std::optional<std::string> find_ref(const std::filesystem::path& repository,
                                    const std::string& ref);

/// What a clone of the repository begins with. Throws Error.
void set_head(const std::filesystem::path& repository, const std::string& ref);
/// The ref that it is now, which there may not be. Throws Error.
std::string head_of(const std::filesystem::path& repository);

}  // namespace cooper::source
