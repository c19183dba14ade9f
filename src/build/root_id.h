#pragma once
// What tells the images of one data root from those of another in the same engine.

#include "store/layout.h"

#include <string>

namespace cooper::build {

/// The data root's own id, 20 base36 digits, which its images bear in the label
/// `cooper.root`; empty if it has none yet, and then no image is known to be its own.
std::string find_root_id(const store::Layout& layout);

/// The same; makes one if there is none. Throws Error.
std::string make_root_id(const store::Layout& layout);

}  // namespace cooper::build
