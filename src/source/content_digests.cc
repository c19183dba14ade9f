#include "source/content_digests.h"

#include <algorithm>
#include <utility>

namespace cooper::source {
namespace {

constexpr auto kPlace = [](const ContentDigests::Known& known) {
  return std::pair(known.device, known.inode);
};

}  // namespace

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

ContentDigests::Known ContentDigests::known(const struct stat& file, const Sha256Digest& digest) {
  return {.device = file.st_dev,
          .inode = file.st_ino,
          .size = file.st_size,
          .changed_ns = nanoseconds(file.st_ctim),
          .digest = digest};
}

ContentDigests::ContentDigests(std::vector<Known> known) : known_(std::move(known)) {
  std::ranges::stable_sort(known_, {}, kPlace);
  // The last of those with one inode: earlier ones were removed, and it reused.
  const auto rest = std::unique(known_.rbegin(), known_.rend(), [](const Known& a, const Known& b) {
    return kPlace(a) == kPlace(b);
  });
  known_.erase(known_.begin(), rest.base());
}

std::optional<Sha256Digest> ContentDigests::find(const struct stat& file) const {
  const auto at = std::ranges::lower_bound(
      known_, std::pair<std::uint64_t, std::uint64_t>(file.st_dev, file.st_ino), {}, kPlace);
  if (at == known_.end() || at->device != file.st_dev || at->inode != file.st_ino ||
      at->size != file.st_size || at->changed_ns != nanoseconds(file.st_ctim)) {
    return std::nullopt;
  }
  return at->digest;
}

}  // namespace cooper::source
