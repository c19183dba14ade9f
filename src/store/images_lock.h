#pragma once
// Who may touch the images of a data root.

#include "store/folder_lock.h"
#include "store/layout.h"

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::store {

/// The file of lock_images, in the folder of builds.
inline constexpr std::string_view kImagesLock = ".images.lock";

/// How long to wait for whoever holds them (they may remove big images), and what ends that.
struct ImagesWait {
  std::chrono::seconds patience{120};
  std::stop_token stop;
};

/// Held together while an image that an engine has gets one more name, alone while images
/// are removed: an engine looks for an image's other names and removes it in two steps, and
/// a name that it gets in between would be lost. Of the whole data root; for one request to
/// the engine, and taken after all other locks. Throws what FolderLock throws.
FolderLock lock_images(const Layout& layout, Holding holding, const ImagesWait& wait = {});

/// Calls `remove` with each of these images, with the lock held alone anew for each: the
/// builds that want it wait for one removal at most. Throws what `remove` and
/// lock_images() throw: an Error{engine} of an image once all others were tried.
void remove_each(const Layout& layout, const std::vector<std::string>& images,
                 const ImagesWait& wait, const std::function<void(const std::string&)>& remove);

}  // namespace cooper::store
