#pragma once
// What tells the images of one data root from those of another in the same engine.

#include "base/time.h"
#include "store/layout.h"

#include <map>
#include <string>

namespace cooper::build {

/// Which data root this is. A copy, or one that was put back from a backup, becomes
/// another one.
struct RootId {
  std::string text;          ///< 20 base36 digits: the label `cooper.root`; empty: it has none yet
  Time since = Time::max();  ///< no build that began before this was made by this root
};

/// As the root has it. Throws Error.
RootId find_root_id(const store::Layout& layout);

/// The same; makes one if there is none. Throws Error.
RootId make_root_id(const store::Layout& layout);

/// Is an image with these labels, and the name of a build here that began then, the root's
/// own? One that bears no such label (`image:` in a manifest) is if the build is.
bool owns(const RootId& root, const std::map<std::string, std::string>& labels, Time began);

}  // namespace cooper::build
