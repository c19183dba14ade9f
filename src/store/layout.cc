#include "store/layout.h"

#include <cstdlib>
#include <unistd.h>

namespace cooper::store {

BuildFiles Layout::build(const AppName& app, const BuildId& id) const {
  const std::filesystem::path folder = builds(app);
  const std::filesystem::path source_folder = sources(app);
  return {.folder = folder,
          .record = folder / (id.str() + ".json"),
          .log = folder / (id.str() + ".log"),
          .log_tails = {folder / (id.str() + ".log.tail-0"), folder / (id.str() + ".log.tail-1")},
          .steps = folder / (id.str() + ".steps.jsonl"),
          .statement = folder / (id.str() + std::string(kStatementSuffix)),
          .source = source_folder / (id.str() + ".tar.zst"),
          .request = source_folder / (id.str() + ".json"),
          .work = work(app) / id.str()};
}

Layout Layout::of_dokku(std::filesystem::path lib_root, std::filesystem::path apps_root) {
  Layout layout(std::move(lib_root));
  layout.dokku_apps_ = std::move(apps_root);
  return layout;
}

Layout default_layout() {
  const auto variable = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value ? value : "";
  };
  if (const std::string root = variable("COOPER_ROOT"); !root.empty()) {
    return Layout(std::filesystem::absolute(root));
  }
  if (const std::string lib_root = variable("DOKKU_LIB_ROOT"); !lib_root.empty()) {
    const std::string apps_root = variable("DOKKU_ROOT");
    return Layout::of_dokku(
        std::filesystem::absolute(lib_root),
        apps_root.empty() ? "/home/dokku" : std::filesystem::absolute(apps_root));
  }
  if (::geteuid() == 0) return Layout("/var/lib/cooper");
  // The XDG rules: a path that is not absolute is to be ignored.
  if (const std::string data = variable("XDG_DATA_HOME"); data.starts_with('/')) {
    return Layout(data + "/cooper");
  }
  if (const std::string home = variable("HOME"); home.starts_with('/')) {
    return Layout(home + "/.local/share/cooper");
  }
  throw Error(Errc::invalid, "can't tell where the data root is", "set COOPER_ROOT");
}

}  // namespace cooper::store
