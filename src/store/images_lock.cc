#include "store/images_lock.h"

#include "base/error.h"
#include "store/folders.h"

#include <optional>
#include <thread>

namespace cooper::store {

namespace {

using namespace std::chrono_literals;
constexpr auto kGap = 5ms;  ///< whoever waits asks each millisecond

}  // namespace

FolderLock lock_images(const Layout& layout, Holding holding, const ImagesWait& wait) {
  return FolderLock(make_folder(layout, layout.builds()), {.file = std::string(kImagesLock),
                                                           .patience = wait.patience,
                                                           .holding = holding,
                                                           .what = "the images",
                                                           .stop = wait.stop});
}

void remove_each(const Layout& layout, const std::vector<std::string>& images,
                 const ImagesWait& wait, const std::function<void(const std::string&)>& remove) {
  std::optional<Error> failed;
  bool is_first = true;
  for (const std::string& image : images) {
    if (!is_first) std::this_thread::sleep_for(kGap);
    is_first = false;
    const FolderLock lock = lock_images(layout, Holding::alone, wait);
    try {
      remove(image);
    } catch (const Error& error) {  // adapter: a container may use it; the others can go
      if (error.code() != Errc::engine) throw;
      if (!failed) failed = error;
    }
  }
  if (failed) throw Error(*failed);
}

}  // namespace cooper::store
