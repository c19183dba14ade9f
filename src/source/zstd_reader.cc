#include "source/zstd_reader.h"

#include "base/error.h"
#include "base/fd.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>

namespace cooper::source {
namespace {

bool is_zstd(std::string_view bytes) {
  using std::string_view_literals::operator""sv;
  if (bytes.starts_with("\x28\xb5\x2f\xfd"sv)) return true;
  // A skippable frame, as some compressors put first.
  return bytes.size() >= 4 && (static_cast<unsigned char>(bytes[0]) & 0xf0U) == 0x50U &&
         bytes.substr(1).starts_with("\x2a\x4d\x18"sv);
}

}  // namespace

ZstdReader::ZstdReader(int in)
    : in_(in),
      context_(ZSTD_createDCtx(), ZSTD_freeDCtx),
      in_buffer_(ZSTD_DStreamInSize()),
      out_buffer_(std::size_t{256} << 10) {
  if (!context_) throw Error(Errc::unavailable, "no memory for a zstd decompressor");
  std::size_t got = 0;
  while (got < 4) {  // a pipe may give less at once
    const ssize_t n = read_some(in_, std::span(in_buffer_).subspan(got));
    if (n <= 0) break;
    got += static_cast<std::size_t>(n);
  }
  raw_ = {in_buffer_.data(), got};
  compressed_ = is_zstd(raw_);
}

std::string_view ZstdReader::next(std::size_t max) {
  if (rest_.empty()) fill_out();
  const std::string_view taken = rest_.substr(0, max);
  rest_.remove_prefix(taken.size());
  return taken;
}

bool ZstdReader::fill_in() {
  const ssize_t n = read_some(in_, in_buffer_);
  raw_ = {in_buffer_.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0))};
  return n > 0;
}

void ZstdReader::fill_out() {
  if (!compressed_) {
    if (raw_.empty()) fill_in();
    rest_ = std::exchange(raw_, {});
    return;
  }
  ZSTD_outBuffer out{out_buffer_.data(), out_buffer_.size(), 0};
  while (out.pos == 0) {
    // Without more input it may still have output to give.
    const bool ended = raw_.empty() && !fill_in();
    if (ended && !in_frame_) return;
    ZSTD_inBuffer in{raw_.data(), raw_.size(), 0};
    const std::size_t left = ZSTD_decompressStream(context_.get(), &out, &in);
    if (ZSTD_isError(left)) {
      throw Error(Errc::corrupt, std::string("the archive is damaged: ") + ZSTD_getErrorName(left));
    }
    raw_.remove_prefix(in.pos);
    in_frame_ = left != 0;
    if (ended && in_frame_ && out.pos == 0) throw Error(Errc::corrupt, "the archive is cut off");
  }
  rest_ = {out_buffer_.data(), out.pos};
}

}  // namespace cooper::source
