#pragma once
// What a bundle says of its build, in Convox's words (docs/formats.md, "Bundle"). Pure.

#include "base/error.h"
#include "model/build.h"
#include "model/release.h"

#include <string>
#include <string_view>

namespace cooper::bundle {

/// Of `build.json`.
struct BuildFacts {
  std::string app;
  std::string id;
  std::string description;
  std::string git_sha;
  std::string manifest;
};

/// The text of `build.json`: what Convox's importer reads. `manifest` is that of the build.
std::string to_build_json(const Build& build, std::string_view manifest);
/// Error{corrupt}; Error{invalid} for a build that did not come to a good end.
[[nodiscard]] Result<BuildFacts> parse_build_json(std::string_view text);

/// A release as a bundle has it: all but its environment.
std::string to_release_json(const Release& release);

}  // namespace cooper::bundle
