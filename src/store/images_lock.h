#pragma once
// Waiting for the images of a data root to be free.

#include "store/folder_lock.h"

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace cooper::store {

/// How long to wait for whoever holds them, and what ends that.
struct ImagesWait {
  std::chrono::seconds patience{120};
  std::stop_token stop;
};

/// lock_images() that does not wait on after a stop request: throws Error{canceled} then.
FolderLock wait_for_images(const Layout& layout, Holding holding, const ImagesWait& wait);

/// Calls `remove` with each of these images, with the lock held alone anew for each: the
/// builds that want it wait for one removal at most. Throws what `remove` and
/// wait_for_images() throw: an Error{engine} of an image once all others were tried.
void remove_each(const Layout& layout, const std::vector<std::string>& images,
                 const ImagesWait& wait, const std::function<void(const std::string&)>& remove);

}  // namespace cooper::store
