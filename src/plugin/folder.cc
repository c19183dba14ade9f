#include "plugin/folder.h"

#include "base/error.h"
#include "base/file.h"
#include "plugin/plugin.h"

#include <algorithm>
#include <cerrno>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace cooper::plugin {
namespace fs = std::filesystem;

namespace {

/// The line of plugin.toml that says whose folder it is.
constexpr const char* kDescription = "description = \"cooper's builds plugin\"";

/// A link that is there at every moment, the old one or the new one.
void place_link(const fs::path& program, const fs::path& link) {
  std::error_code ignored;
  if (fs::read_symlink(link, ignored) == program) return;
  const fs::path temporary =
      link.parent_path() / (std::string(kTemporaryPrefix) + link.filename().string());
  remove_file(temporary);
  if (::symlink(program.c_str(), temporary.c_str()) != 0 ||
      ::rename(temporary.c_str(), link.c_str()) != 0) {
    throw_errno("link " + link.string());
  }
}

/// Makes `folder` hold links of these names and, of links, nothing else.
void place_links(const fs::path& folder, const std::vector<std::string>& names,
                 const fs::path& program) {
  make_folders(folder);
  for (const std::string& name : list_folder(folder)) {
    const bool wanted = std::ranges::find(names, name) != names.end();
    if (!wanted && fs::is_symlink(folder / name)) remove_file(folder / name);
  }
  for (const std::string& name : names) place_link(program, folder / name);
  sync_folder(folder);
}

}  // namespace

FolderState look_at_folder(const fs::path& folder) {
  struct stat info {};
  if (::lstat(folder.c_str(), &info) != 0) {
    if (errno == ENOENT) return FolderState::absent;
    throw_errno("look at " + folder.string());
  }
  if (!S_ISDIR(info.st_mode)) return FolderState::foreign;
  const std::string text = read_file(folder / "plugin.toml").value_or("");
  if (text.find(kDescription) != std::string::npos) return FolderState::ours;
  return list_folder(folder).empty() ? FolderState::absent : FolderState::foreign;
}

void install_folder(const fs::path& folder, const fs::path& program, const std::string& version) {
  if (look_at_folder(folder) == FolderState::foreign) {
    throw Error(Errc::conflict, folder.string() + " is there already, and is not cooper's",
                "name another folder with --dir, or move this one away: mv " + folder.string() +
                    " " + folder.string() + ".old");
  }
  make_folders(folder);
  // First the file that makes the folder ours: what a crash leaves can be laid out again.
  write_file_durably(folder / "plugin.toml",
                     "[plugin]\n" + std::string(kDescription) + "\nversion = \"" + version +
                         "\"\n[plugin.config]\n",
                     0644);
  std::vector<std::string> programs = trigger_names();
  programs.emplace_back("commands");
  place_links(folder, programs, program);
  place_links(folder / "subcommands", subcommand_names(), program);
}

}  // namespace cooper::plugin
