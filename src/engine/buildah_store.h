#pragma once
// Reading containers/storage's folders directly, where a buildah process for
// each question would cost more than the answer (some 15 ms each).

#include "engine/buildah_host.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::engine {

/// "sha256:<64 hex>" of the manifest of the image with this id (64 hex);
/// nullopt if it can't be told from the folders: then ask buildah.
std::optional<std::string> manifest_digest(const BuildahHost& host, std::string_view image_id);

/// Ids of the working containers that a build left behind: those whose settings
/// hold `marker`, and those without any settings. The latter are what remains if
/// a buildah is killed while it makes one; nothing says whose it was. A living
/// buildah writes the settings within milliseconds, so one that is older than
/// some seconds is nobody's, if no other buildah runs on this store (else it is
/// left for a later look, for some minutes). Waits until a younger one is that old.
std::vector<std::string> leftover_containers(const BuildahHost& host, std::string_view marker);

}  // namespace cooper::engine
