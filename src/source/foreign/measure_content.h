#pragma once
// What cooper-unpack does for source::ContentMeter.

#include <cstdint>
#include <string>

namespace cooper::source::foreign {

/// Reads a content of `size` bytes from `in`, which is compressed with gzip, zstd, bzip2 or xz, and
/// returns "BYTES SHA256" of what it unpacks to. Throws Error{corrupt} for what is compressed in
/// another way or twice, damaged, cut, or followed by anything else; Error{invalid} for what is
/// more than `most` bytes.
std::string measure_content(int in, std::uint64_t size, std::uint64_t most);

}  // namespace cooper::source::foreign
