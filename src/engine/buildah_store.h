#pragma once
// Reading containers/storage's folders directly, where a buildah process for
// each question would cost more than the answer (some 15 ms each).

#include "base/time.h"
#include "engine/buildah_host.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::engine {

/// "sha256:<64 hex>" of the manifest of the image with this id (64 hex);
/// nullopt if it can't be told from the folders: then ask buildah.
std::optional<std::string> manifest_digest(const BuildahHost& host, std::string_view image_id);

/// Ids of the containers whose buildah settings hold `marker`. Looks at their
/// folders, so it needs no list of containers/storage, whose form and place vary
/// with its version. Throws Error.
std::vector<std::string> containers_with(const BuildahHost& host, std::string_view marker);

/// Is a container of this store without settings, or an image without a
/// manifest, that was made at `since` or later? A buildah that ends now may leave
/// it so: a container of which nothing says whose it is, an image that makes each
/// `buildah images` fail. Throws Error.
bool is_writing(const BuildahHost& host, Time since);

/// Ids of the images that were made at `since` or later and have no manifest.
/// Throws Error.
std::vector<std::string> unfinished_images(const BuildahHost& host, Time since);

/// Ids (64 hex) of the images here that this name may mean, each once, with and without
/// registry: "busybox" is "docker.io/library/busybox:latest", "localhost/busybox:latest",
/// ... Throws Error.
std::vector<std::string> images_named(const BuildahHost& host, std::string_view reference);

/// The names of images in this store that begin with `prefix`; of this image alone
/// if an id is given. Throws Error.
std::vector<std::string> image_names(const BuildahHost& host, std::string_view prefix,
                                     std::string_view image_id = {});

/// An image as the store's list has it.
struct StoredImage {
  std::string id;                  ///< 64 hex
  std::vector<std::string> names;  ///< full references
  std::string layer;               ///< id of its topmost layer
};
std::vector<StoredImage> stored_images(const BuildahHost& host);  ///< Throws Error.

struct StoredLayer {
  std::string id;
  std::string parent;  ///< empty: it stands on none
  std::uint64_t bytes = 0;
};
std::vector<StoredLayer> stored_layers(const BuildahHost& host);  ///< Throws Error.

/// Those labels of an image whose keys begin with `prefix`; none if its configuration
/// can't be read.
std::map<std::string, std::string> image_labels(const BuildahHost& host,
                                                const std::string& image_id,
                                                std::string_view prefix);

}  // namespace cooper::engine
