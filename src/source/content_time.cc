#include "source/content_time.h"

namespace cooper::source {

std::int64_t ContentTime::of(const Sha256Digest& content) const {
  // Key and digest have fixed lengths and the result is a part of the hash, so
  // that this plain form is a good keyed hash, too.
  Sha256 hash;
  hash.update({reinterpret_cast<const char*>(key_.data()), key_.size()});
  hash.update({reinterpret_cast<const char*>(content.data()), content.size()});
  const Sha256Digest mixed = hash.finish();
  const auto number = [&](std::size_t from) {
    std::uint64_t value = 0;
    for (std::size_t i = from; i < from + 8; ++i) value = value << 8U | mixed[i];
    return value;
  };
  constexpr std::uint64_t kSeconds = std::uint64_t{1} << 30U;  // 34 years from 1980 on
  constexpr std::uint64_t kNanoseconds = 1'000'000'000;
  return kFixed +
         static_cast<std::int64_t>(number(0) % kSeconds * kNanoseconds + number(8) % kNanoseconds);
}

}  // namespace cooper::source
