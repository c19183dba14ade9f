#pragma once
// Dokku's triggers: what its deploys call to be recorded.

#include "plugin/face.h"

#include <span>
#include <string>
#include <string_view>

namespace cooper::plugin {

/// One trigger; `run` returns the exit code and may throw Error.
struct Trigger {
  std::string_view name;
  int (*run)(const Face& face, std::span<const std::string> words);
};

/// All triggers that the plugin answers.
std::span<const Trigger> triggers();

}  // namespace cooper::plugin
