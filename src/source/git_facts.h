#pragma once
// What git knows about a source folder.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace cooper::source {

struct GitFacts {
  std::string sha;      ///< HEAD, 40 or 64 hex digits
  std::string subject;  ///< first line of HEAD's message, as written: print with care
  std::string branch;   ///< empty if HEAD is detached
  bool clean = false;   ///< nothing changed, staged or untracked (ignored files aside)

  std::string origin;  ///< URL of the remote `origin`, as configured; empty: there is none

  bool operator==(const GitFacts&) const = default;
};

/// nullopt if the folder is in no git work tree, that has no commit yet, or
/// there is no git program. Starts no process unless a `.git` is in the folder
/// or above it. Writes nothing and runs no hooks. Facts are a courtesy: when
/// git fails or takes longer than 10 s, it is nullopt too.
std::optional<GitFacts> git_facts(const std::filesystem::path& folder);

/// A remote's URL as everybody may see it: without user and password, and only one
/// that means the same on another machine (no path). Empty if there is none.
std::string public_url(std::string_view url);

/// What a build is described by unless the user says otherwise:
/// `build <10 digits of sha> <subject>` of a clean work tree, else empty.
std::string default_description(const std::optional<GitFacts>& facts);

}  // namespace cooper::source
