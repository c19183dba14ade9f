#include "source/content_digests.h"

#include <algorithm>
#include <tuple>
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

ContentDigests::ContentDigests(std::vector<Known> known) : known_(std::move(known)) {
  std::ranges::sort(known_, {}, kPlace);
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
