#pragma once
// Reads a stream that is zstd, or plain bytes.

#include <zstd.h>

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace cooper::source {

/// Decompresses what a descriptor gives, in bounded memory. Whether it is zstd
/// shows in its first bytes; any number of frames may follow each other.
class ZstdReader {
 public:
  /// `in` is borrowed.
  explicit ZstdReader(int in);

  /// The next bytes, 1 to `max` of them; empty at the end. Valid until the next
  /// call. Throws Error{corrupt} if the stream is damaged or cut, Error if it
  /// can't be read.
  std::string_view next(std::size_t max);

 private:
  bool fill_in();
  void fill_out();

  using Context = std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)>;

  int in_;
  Context context_;
  std::vector<char> in_buffer_;
  std::vector<char> out_buffer_;
  std::string_view raw_;   ///< read, not yet decompressed
  std::string_view rest_;  ///< decompressed, not yet handed out
  bool compressed_ = false;
  bool in_frame_ = false;  ///< the end can't be here
};

}  // namespace cooper::source
