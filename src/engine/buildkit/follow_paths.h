#pragma once
// The `followpaths` of a file sync: which entries a path needs when symbolic
// links lie on its way.

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace cooper::engine::buildkit {

/// Include patterns, sorted, each once, for `paths` beneath `root`: every path,
/// and each symbolic link that it, or a link's target, leads through. Everything
/// is resolved inside of the root: an absolute target begins there, and `..`
/// ends there. Names in the paths may be patterns. What does not exist stays in
/// the result and matches nothing; loops end after 40 links.
/// nullopt if a path or link means the root itself: no filter then.
///
/// Same results as fsutil's FollowLinks, except that a link that two paths lead
/// through is followed for both. Throws Error if the root can't be opened, or for
/// paths that lead through more than 10,000 links.
std::optional<std::vector<std::string>> follow_paths(const std::filesystem::path& root,
                                                     std::span<const std::string> paths);

}  // namespace cooper::engine::buildkit
