#include "bundle/gzip.h"

#include "base/error.h"
#include "base/fd.h"
#include "bundle/pipe_feed.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <dlfcn.h>
#include <isa-l/igzip_lib.h>
#include <memory>
#include <utility>
#include <vector>

namespace cooper::bundle {

namespace {

// RFC 1952: magic, deflate, an extra field, no time, unknown system; then the extra field's length,
// and one subfield "CP" with the size of the whole member in 4 bytes.
constexpr std::array<unsigned char, 20> kHeader = {0x1f, 0x8b, 8,   4,   0, 0, 0, 0, 0, 255,
                                                   8,    0,    'C', 'P', 4, 0, 0, 0, 0, 0};
constexpr std::size_t kSizeAt = 16;
constexpr std::size_t kTrailer = 8;
constexpr int kLevel = 1;

/// The functions of ISA-L that are used. It is loaded late: the distribution has no static one, and
/// a shared one would cost each start of each command.
struct IsaL {
  decltype(&::isal_deflate_stateless_init) deflate_init;
  decltype(&::isal_deflate_stateless) deflate;
  decltype(&::isal_inflate_init) inflate_init;
  decltype(&::isal_inflate_reset) inflate_reset;
  decltype(&::isal_inflate) inflate;

  IsaL() {
    void* const library = ::dlopen("libisal.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
      throw Error(Errc::unavailable, "gzip needs a library that is not installed: libisal.so.2",
                  "install the package libisal2; or use --format oci");
    }
    load(library, "isal_deflate_stateless_init", deflate_init);
    load(library, "isal_deflate_stateless", deflate);
    load(library, "isal_inflate_init", inflate_init);
    load(library, "isal_inflate_reset", inflate_reset);
    load(library, "isal_inflate", inflate);
  }

 private:
  template <class Function>
  static void load(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(::dlsym(library, name));
    if (!function) {
      throw Error(Errc::unavailable, std::string("libisal.so.2 has no ") + name,
                  "install the distribution's package libisal2");
    }
  }
};

/// Constant once it is loaded; never unloaded.
const IsaL& isal() {
  static const IsaL loaded;
  return loaded;
}

class GzipCompressor : public source::BlockCompressor {
 public:
  GzipCompressor() : isal_(isal()), work_(ISAL_DEF_LVL1_DEFAULT) {}

  /// What can't be compressed is stored, in parts of 64 KiB.
  std::size_t bound(std::size_t bytes) const override {
    return kHeader.size() + kTrailer + bytes + (bytes / 65535 + 2) * 5 + 64;
  }

  std::size_t compress(std::string_view in, std::span<char> out) override {
    isal_.deflate_init(&stream_);
    stream_.level = kLevel;
    stream_.level_buf = work_.data();
    stream_.level_buf_size = static_cast<std::uint32_t>(work_.size());
    stream_.gzip_flag = IGZIP_GZIP_NO_HDR;
    stream_.end_of_stream = 1;
    // ISA-L's input is not const, but not written either.
    stream_.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<std::uint32_t>(in.size());
    stream_.next_out = reinterpret_cast<std::uint8_t*>(out.data()) + kHeader.size();
    stream_.avail_out = static_cast<std::uint32_t>(out.size() - kHeader.size());
    const int result = isal_.deflate(&stream_);
    if (result != COMP_OK || stream_.avail_in != 0) {
      throw Error(Errc::internal, "compressing: ISA-L error " + std::to_string(result));
    }
    std::memcpy(out.data(), kHeader.data(), kHeader.size());
    const std::size_t size = out.size() - stream_.avail_out;
    for (std::size_t i = 0; i < 4; ++i) {
      out[kSizeAt + i] = static_cast<char>((size >> (8 * i)) & 0xff);
    }
    return size;
  }

 private:
  const IsaL& isal_;
  isal_zstream stream_{};
  std::vector<std::uint8_t> work_;
};

Error damaged(const char* why) {
  return Error(Errc::corrupt, std::string("its gzip data is damaged or cut off: ") + why);
}

/// One stream of members.
class Gunzip {
 public:
  Gunzip(std::string_view first, int in, std::stop_token stop)
      : in_(in), stop_(std::move(stop)), input_(std::max(first.size(), std::size_t{256} << 10)) {
    isal_.inflate_init(&state_);
    std::ranges::copy(first, input_.begin());
    take(first.size());
  }

  void run(int out) {
    do {
      member(out);
    } while (has_more());
  }

 private:
  void member(int out) {
    isal_.inflate_reset(&state_);  // all but next_in and avail_in
    state_.crc_flag = ISAL_GZIP;
    while (state_.block_state != ISAL_BLOCK_FINISH) {
      if (state_.avail_in == 0 && !fill()) throw damaged("unexpected end");
      state_.next_out = room_.data();
      state_.avail_out = static_cast<std::uint32_t>(room_.size());
      const int result = isal_.inflate(&state_);
      if (result == ISAL_INCORRECT_CHECKSUM) throw damaged("wrong checksum");
      if (result < 0 || result == ISAL_NAME_OVERFLOW || result == ISAL_NEED_DICT) {
        throw damaged("invalid data");
      }
      const std::size_t got = room_.size() - state_.avail_out;
      write_all(out, {reinterpret_cast<const char*>(room_.data()), got});
    }
  }

  /// Another member may follow, and nothing else.
  bool has_more() {
    if (state_.avail_in == 0 && !fill()) return false;
    if (state_.next_in[0] != kHeader[0]) throw damaged("something follows it");
    return true;
  }

  bool fill() {
    const std::size_t got = read_unless_stopped(in_, input_, stop_);
    take(got);
    return got > 0;
  }

  void take(std::size_t bytes) {
    state_.next_in = reinterpret_cast<std::uint8_t*>(input_.data());
    state_.avail_in = static_cast<std::uint32_t>(bytes);
  }

  const IsaL& isal_ = isal();
  int in_;
  std::stop_token stop_;
  std::vector<char> input_;
  std::vector<std::uint8_t> room_ = std::vector<std::uint8_t>(std::size_t{512} << 10);
  inflate_state state_{};
};

}  // namespace

source::MakeCompressor gzip_compressor() {
  return [] { return std::make_unique<GzipCompressor>(); };
}

void gunzip(std::string_view first, int in, int out, std::stop_token stop) {
  std::make_unique<Gunzip>(first, in, std::move(stop))->run(out);
}

}  // namespace cooper::bundle
