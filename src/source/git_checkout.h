#pragma once
// The files of one commit.

#include "source/git_access.h"
#include "source/git_command.h"
#include "source/git_facts.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace cooper::source {

struct GitCheckout {
  std::filesystem::path repository;  ///< bare
  /// Folders with more of its objects: a hook's, of what is being pushed.
  std::vector<std::filesystem::path> objects;
  std::string commit;  ///< its id, in full
  /// How submodules may be fetched: told for each URL before it is used, also of submodules in
  /// submodules; throws what is wrong with it. Empty: there must be none.
  std::function<GitAccess(const std::string& url)> access;
  std::uint64_t fetch_bytes = FetchPolicy{}.bytes;       ///< of all submodules together ...
  std::chrono::seconds fetch_time = FetchPolicy{}.time;  ///< ... and how long they may take
  std::string origin;  ///< what relative URLs are relative to; empty: there must be none
};

struct CheckedOut {
  std::filesystem::path folder;  ///< in the scratch folder
  GitFacts facts;                ///< without branch and origin
  std::size_t submodules = 0;    ///< that were fetched
};

/// Writes the files of a commit, and of its submodules, as git does without any configuration:
/// no filter of the user's, no hook, no .git. The repository is only read. `scratch` is an empty
/// folder that is the caller's to remove; or one that a checkout without submodules has left:
/// then only the files that differ are written. Throws Error{not_found} if it is no commit that the
/// repository has; Error with the submodule's name if one can't be had; Error{canceled}.
CheckedOut check_out(const GitCheckout& checkout, const std::filesystem::path& scratch,
                     std::stop_token stop = {});

}  // namespace cooper::source
