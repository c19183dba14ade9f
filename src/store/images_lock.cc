#include "store/images_lock.h"

#include "base/error.h"
#include "store/folders.h"

#include <algorithm>
#include <optional>
#include <thread>

namespace cooper::store {

namespace {

using namespace std::chrono_literals;
constexpr std::chrono::seconds kLookForStop{1};
constexpr auto kGap = 5ms;  ///< whoever waits asks each millisecond

}  // namespace

FolderLock wait_for_images(const Layout& layout, Holding holding, const ImagesWait& wait) {
  const Fd folder = make_folder(layout, layout.builds());
  const auto deadline = std::chrono::steady_clock::now() + wait.patience;
  for (;;) {
    try {
      return FolderLock(folder, {.file = std::string(kImagesLock),
                                 .patience = std::min(wait.patience, kLookForStop),
                                 .holding = holding,
                                 .what = "the images"});
    } catch (const Error& error) {  // adapter: it is held; asked again until the time is up
      if (error.code() != Errc::unavailable) throw;
      if (wait.stop.stop_requested()) {
        throw Error(Errc::canceled, "canceled while the images were locked");
      }
      if (std::chrono::steady_clock::now() >= deadline) throw;
    }
  }
}

void remove_each(const Layout& layout, const std::vector<std::string>& images,
                 const ImagesWait& wait, const std::function<void(const std::string&)>& remove) {
  std::optional<Error> failed;
  bool is_first = true;
  for (const std::string& image : images) {
    if (!is_first) std::this_thread::sleep_for(kGap);
    is_first = false;
    const FolderLock lock = wait_for_images(layout, Holding::alone, wait);
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
