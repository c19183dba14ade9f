#include "engine/short_path.h"

#include "base/error.h"

#include <unistd.h>

namespace cooper::engine {

ShortPath::ShortPath(const std::filesystem::path& folder) : link_(folder_.path() / "w") {
  if (::symlink(folder.c_str(), link_.c_str()) != 0) {
    throw_errno("make the symbolic link " + link_.string());
  }
}

}  // namespace cooper::engine
