#include "build/disk_space.h"

#include "base/error.h"
#include "base/text.h"
#include "engine/disk.h"

#include <optional>
#include <string>
#include <sys/statvfs.h>

namespace cooper::build {

namespace {

/// Of the disk on which `folder` is, or would be made; nullopt if nobody tells.
std::optional<std::uint64_t> free_bytes(std::filesystem::path folder) {
  struct statvfs disk {};
  while (::statvfs(folder.c_str(), &disk) != 0) {
    if (!folder.has_relative_path()) return std::nullopt;
    folder = folder.parent_path();
  }
  return std::uint64_t{disk.f_bavail} * disk.f_frsize;
}

void require(const std::filesystem::path& folder, const std::string& what, std::uint64_t least) {
  const auto free = free_bytes(folder);
  if (!free || *free >= least) return;
  throw Error(Errc::unavailable,
              "the disk is too full for a build: " + human_bytes(*free) + " are free where " +
                  what + " is (" + printable(folder.string()) + "), and " + human_bytes(least) +
                  " must be",
              "free some: cooper system prune; or ask for less: cooper builds set disk-min SIZE");
}

}  // namespace

void require_disk_space(const store::Layout& layout, std::uint64_t least,
                        const engine::EngineWish& wish) {
  if (least == 0) return;
  require(layout.root(), "the data root", least);
  if (const auto images = engine::storage_folder(wish, layout.cache())) {
    require(*images, "the store of images", least);
  }
}

}  // namespace cooper::build
