#include "rack/scratch_folder.h"

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "rack/starting.h"
#include "store/folders.h"

#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace cooper::rack {

ScratchFolder::ScratchFolder(const store::Layout& layout, const AppName& app,
                             std::filesystem::path path)
    : app_(layout.app(app)),
      path_(std::move(path)),
      folder_(store::make_folder(layout, path_, 0700)) {
  mark_in_use(folder_);
}

ScratchFolder::ScratchFolder(const store::Layout& layout, const AppName& app)
    : ScratchFolder(
          layout, app,
          layout.work(app) / (std::string(kTemporaryPrefix) + "source-" + random_base36(12))) {}

ScratchFolder::ScratchFolder(const store::Layout& layout, const AppName& app, const BuildId& build)
    : ScratchFolder(layout, app, layout.build(app, build).work) {}

ScratchFolder::~ScratchFolder() {
  if (kept_) return;
  try {
    remove_tree(path_);
  } catch (const Error&) {  // boundary: prune tries again
    return;
  }
  // Of an app that never came to be nothing stays. One that is there may get a build's folder now.
  std::error_code failed;
  if (!std::filesystem::exists(app_, failed) && !failed) ::rmdir(path_.parent_path().c_str());
}

}  // namespace cooper::rack
