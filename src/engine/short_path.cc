#include "engine/short_path.h"

#include "base/error.h"

#include <cstdlib>
#include <string>
#include <unistd.h>

namespace cooper::engine {

ShortPath::ShortPath(const std::filesystem::path& folder) {
  std::string own = "/tmp/cooper-XXXXXX";
  if (!::mkdtemp(own.data())) throw_errno("make a folder in /tmp");
  link_ = own + "/w";
  if (::symlink(folder.c_str(), link_.c_str()) != 0) {
    ::rmdir(own.c_str());
    throw_errno("make the symbolic link " + link_.string());
  }
}

ShortPath::~ShortPath() {
  ::unlink(link_.c_str());
  ::rmdir(link_.parent_path().c_str());
}

}  // namespace cooper::engine
