#include "store/own_root.h"

#include "base/error.h"

#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace cooper::store {

void require_own_root(const Layout& layout, std::string_view what) {
  struct stat root {};
  if (::geteuid() != 0 || ::stat(layout.root().c_str(), &root) != 0 || root.st_uid == 0) return;
  throw Error(Errc::denied,
              "root does not " + std::string(what) + ": the data root " + layout.root().string() +
                  " belongs to another user",
              "do it as that user: sudo -u '#" + std::to_string(root.st_uid) + "' cooper ...");
}

}  // namespace cooper::store
