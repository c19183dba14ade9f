#pragma once
// The secret that the times of files are made with, as a daemon gets to see them.

#include "source/content_time.h"

#include <filesystem>

namespace cooper::engine::buildkit {

/// One for all builds of a data root, since daemons compare times from build to build:
/// read from `cache` (BuildContext::cache), and made there the first time. Throws Error.
source::ContentTime::Key file_times_key(const std::filesystem::path& cache);

}  // namespace cooper::engine::buildkit
