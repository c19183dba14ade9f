#pragma once
// What a remote repository has, and getting one commit of it.

#include "source/git_access.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>

namespace cooper::source {

/// A branch, a tag or a commit of a remote.
struct RemoteRef {
  std::string ref;     ///< "refs/heads/main", "refs/tags/v1"; empty: a commit by its id
  std::string commit;  ///< its id; of an id that was cut, as it was given
  bool is_whole() const { return is_object_id(commit); }
};

/// What `wanted` names there: a branch, a tag, a whole ref, an id of a commit or the beginning
/// of one (at least 7 digits); empty: the branch that the remote has as its HEAD.
/// Error{not_found} if there is nothing of that name; Error with git's reason, and no
/// credentials, if it can't be asked.
RemoteRef find_remote_ref(const GitAccess& access, const std::string& wanted,
                          const std::string& shown, std::chrono::seconds limit,
                          std::stop_token stop);

struct RemoteFetch {
  RemoteRef from;
  std::string shown;               ///< the URL as messages have it
  std::uint64_t bytes = 0;         ///< more than that is refused ...
  std::uint64_t bytes_before = 0;  ///< ... of all that are fetched together: so far
  std::chrono::milliseconds limit{};
};

struct Fetched {
  std::string commit;       ///< its id, in full; of a tag what it names
  std::uint64_t bytes = 0;  ///< on the disk
};

/// Where in the scratch repository the commit is.
inline constexpr const char* kFetchedRef = "refs/cooper/fetched";

/// Fetches the commit, without its history where the remote can do so, into a new bare
/// repository `scratch`. Objects are checked as those of a push. Throws as find_remote_ref;
/// Error{invalid} for what is too large.
Fetched fetch_commit(const GitAccess& access, const RemoteFetch& wanted,
                     const std::filesystem::path& scratch, std::stop_token stop);

/// Has `repository` take over what fetch_commit made, and then, at once, the branch `ref`.
void take_over(const std::filesystem::path& repository, const std::filesystem::path& scratch,
               const std::string& ref, std::stop_token stop);

}  // namespace cooper::source
