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

/// The file in force, and what its drop-ins add.
struct Settings {
  std::string file;
  std::string drop_ins;
};

Settings read_settings() {
  const char* home = std::getenv("HOME");
  const std::filesystem::path users =
      home && *home ? std::filesystem::path(home) / ".config/containers" : std::filesystem::path();
  Settings settings{.file = read_file(file_in_force(users)).value_or("")};
  for (const std::filesystem::path& base : {std::filesystem::path("/etc/containers"), users}) {
    if (base.empty()) continue;
    for (const std::string& name : list_folder(base / "registries.conf.d")) {
      if (!name.ends_with(".conf")) continue;
      settings.drop_ins += read_file(base / "registries.conf.d" / name).value_or("") + "\n";
    }
  }
  return settings;
}

bool is_old_form(std::string_view text) {
  return text.find("[registries.") != std::string_view::npos;
}

}  // namespace

bool is_loopback(std::string_view registry) noexcept {
  const std::string_view host =
      registry.starts_with('[') ? registry : registry.substr(0, registry.find(':'));
  return host == "localhost" || host.starts_with("127.") || host.starts_with("[::1]");
}

std::optional<std::filesystem::path> registries_for_builds(const std::filesystem::path& folder,
                                                           const std::vector<std::string>& used) {
  const Settings settings = read_settings();
  const std::string all = settings.file + "\n" + settings.drop_ins;
  // First, because a top-level key of TOML must stand before all tables.
  const std::string before =
      searches(all) ? "" : "unqualified-search-registries = [\"docker.io\"]\n";
  std::string after;
  for (const std::string& registry : used) {
    if (!is_loopback(registry) || is_old_form(all)) continue;
    const std::string quoted = "\"" + registry + "\"";
    if (all.find(quoted) != std::string::npos || after.find(quoted) != std::string::npos) continue;
    after += "\n[[registry]]\nlocation = " + quoted + "\ninsecure = true\n";
  }
  if (before.empty() && after.empty()) return std::nullopt;
  const std::filesystem::path file = folder / "registries.conf";
  make_folders(folder);
  // A scratch file: it need not survive a crash, and a durable one takes milliseconds.
  const Fd fd = open_file(file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  write_all(fd.get(), before + settings.file + after);
  return file;
}

}  // namespace cooper::engine
