#pragma once
// Times for files that tell one content from another.

#include "base/sha256.h"
#include "source/content_digests.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <sys/stat.h>

namespace cooper::source {

/// BuildKit takes a file for unchanged when path, size, mode and time are what
/// they were, and never looks at its content. Files that were unpacked from our
/// archives all have one time, so those would be wrong; this gives each file a
/// time that is made from its content: the same content always the same time,
/// another content another time.
///
/// The times lie between 1980 and 2014, never in a build's future, and use 60
/// bits: two contents of one size get the same one with a chance of 2^-60. They
/// are made with a secret key, because 60 bits are too few against somebody who
/// searches: without it, an author could make a harmless file and another one
/// with the same size and time, have a branch with one built, and the other one,
/// in a reviewed release, would not be sent.
class ContentTime {
 public:
  using Key = std::array<unsigned char, 32>;

  /// `key`: the same for all builds that share a daemon's copy of the tree.
  /// `known` (may be nullptr, borrowed) saves reading files.
  explicit ContentTime(const Key& key, const ContentDigests* known = nullptr)
      : key_(key), known_(known) {}

  /// Nanoseconds since 1970.
  std::int64_t of(const Sha256Digest& content) const;
  /// What folders and links get, whose time nobody compares.
  static constexpr std::int64_t kFixed = 315'532'801'000'000'000;

  /// The digest of a file, if it is known without reading.
  std::optional<Sha256Digest> known(const struct stat& file) const {
    return known_ ? known_->find(file) : std::nullopt;
  }

 private:
  Key key_;
  const ContentDigests* known_;
};

}  // namespace cooper::source
