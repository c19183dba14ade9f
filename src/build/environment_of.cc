// The environment that an app's next build and release have.

#include "build/settings.h"

#include <optional>
#include <utility>

namespace cooper::build {

std::map<std::string, std::string> environment_of(const store::Store& store, const AppName& app) {
  std::optional<Release> newest = store.newest_release(app);
  return newest ? std::move(newest->environment) : Environment{};
}

}  // namespace cooper::build
