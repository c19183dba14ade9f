#include "engine/registries.h"

#include "base/file.h"
#include "base/text.h"

#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::engine {

namespace {

/// Does this registries.conf say where short names are searched (in today's or
/// the old `[registries.search]` form)?
bool searches(std::string_view text) {
  for (const std::string_view line : split(text, '\n')) {
    const std::string_view words = trim(line);
    if (words.starts_with("unqualified-search-registries")) return true;
    if (words.starts_with("[registries.search]")) return true;
  }
  return false;
}

/// As containers/image looks for it: the variable, the user's, the host's.
std::filesystem::path file_in_force(const std::filesystem::path& user_folder) {
  const char* named = std::getenv("CONTAINERS_REGISTRIES_CONF");
  if (named && *named) return named;
  std::filesystem::path users = user_folder / "registries.conf";
  if (!user_folder.empty() && std::filesystem::exists(users)) return users;
  return "/etc/containers/registries.conf";
}

}  // namespace

std::optional<std::filesystem::path> registries_with_docker_hub(
    const std::filesystem::path& folder) {
  const char* home = std::getenv("HOME");
  const std::filesystem::path users =
      home && *home ? std::filesystem::path(home) / ".config/containers" : std::filesystem::path();
  const std::string text = read_file(file_in_force(users)).value_or("");
  if (searches(text)) return std::nullopt;
  for (const std::filesystem::path& base : {std::filesystem::path("/etc/containers"), users}) {
    if (base.empty()) continue;
    for (const std::string& name : list_folder(base / "registries.conf.d")) {
      if (!name.ends_with(".conf")) continue;
      if (searches(read_file(base / "registries.conf.d" / name).value_or(""))) return std::nullopt;
    }
  }
  // First, because a top-level key of TOML must stand before all tables.
  const std::filesystem::path file = folder / "registries.conf";
  make_folders(folder);
  // A scratch file: it need not survive a crash, and a durable one takes milliseconds.
  const Fd fd = open_file(file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  write_all(fd.get(), "unqualified-search-registries = [\"docker.io\"]\n" + text);
  return file;
}

}  // namespace cooper::engine
