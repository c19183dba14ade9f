#pragma once
// The folder by which Dokku knows cooper as its plugin `builds`.

#include <filesystem>
#include <string>

namespace cooper::plugin {

/// What is in the place of a plugin folder.
enum class FolderState { absent, ours, foreign };

/// An empty folder counts as absent, a link as foreign, wherever it leads.
FolderState look_at_folder(const std::filesystem::path& folder);

/// Lays out `folder`: plugin.toml, `commands`, subcommands/ and triggers, as links to
/// `program`. Can be repeated: links are renewed, what an earlier version had
/// besides is removed. Throws Error{conflict} if something else is there.
void install_folder(const std::filesystem::path& folder, const std::filesystem::path& program,
                    const std::string& version);

}  // namespace cooper::plugin
