#include "rack/scratch_folder.h"

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "rack/starting.h"
#include "store/folders.h"

#include <string>

namespace cooper::rack {

ScratchFolder::ScratchFolder(const store::Layout& layout, const AppName& app)
    : path_(layout.work(app) / (std::string(kTemporaryPrefix) + "source-" + random_base36(12))),
      folder_(store::make_folder(layout, path_, 0700)) {
  mark_in_use(folder_);
}

ScratchFolder::~ScratchFolder() {
  try {
    remove_tree(path_);
  } catch (const Error&) {  // boundary: prune tries again
  }
}

}  // namespace cooper::rack
