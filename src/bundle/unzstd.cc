#include "bundle/unzstd.h"

#include "base/error.h"
#include "base/fd.h"
#include "bundle/pipe_feed.h"

#include <zstd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace cooper::bundle {

namespace {

struct Free {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

Error damaged(const std::string& why) {
  return Error(Errc::corrupt, "its zstd data is damaged or cut off: " + why);
}

}  // namespace

void unzstd(std::string_view first, int in, int out, std::stop_token stop) {
  const std::unique_ptr<ZSTD_DCtx, Free> context(ZSTD_createDCtx());
  if (!context) throw Error(Errc::unavailable, "no memory for a zstd decompressor");
  std::vector<char> input(std::max(first.size(), std::size_t{256} << 10));
  std::vector<char> room(std::size_t{512} << 10);
  std::ranges::copy(first, input.begin());
  std::size_t wanted = 0;  // 0: a frame has ended
  for (std::size_t got = first.size(); got > 0; got = read_unless_stopped(in, input, stop)) {
    ZSTD_inBuffer from{input.data(), got, 0};
    bool may_hold_more = false;
    while (from.pos < from.size || may_hold_more) {
      ZSTD_outBuffer to{room.data(), room.size(), 0};
      wanted = ZSTD_decompressStream(context.get(), &to, &from);
      if (ZSTD_isError(wanted)) throw damaged(ZSTD_getErrorName(wanted));
      write_all(out, {room.data(), to.pos});
      may_hold_more = to.pos == to.size && wanted != 0;
    }
  }
  if (wanted != 0) throw damaged("unexpected end");
}

}  // namespace cooper::bundle
