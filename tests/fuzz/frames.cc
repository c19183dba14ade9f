// Any bytes as a client's WebSocket: its extensions and its frames, cut anywhere.

#include "server/frames.h"

#include "fuzz/fuzz.h"

#include <algorithm>
#include <string>
#include <vector>

namespace {

using namespace cooper;
using namespace cooper::server;

struct Read {
  std::optional<CloseCode> wrong;
  std::vector<Control> controls;
  bool is_closed = false;
};

Read read(std::string_view bytes, std::size_t cut, bool may_pack) {
  FrameReader reader(may_pack);
  Read all;
  while (!bytes.empty() && !all.wrong && !all.is_closed) {
    all.wrong = reader.take(bytes.substr(0, cut), all.controls);
    bytes.remove_prefix(std::min(cut, bytes.size()));
    all.is_closed = !all.controls.empty() && all.controls.back().opcode == Opcode::close;
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::text_of(data, size);
  static_cast<void>(offers_packed_messages(input));
  static_cast<void>(accept_key(input));
  for (const bool may_pack : {false, true}) {
    const Read whole = read(input, std::max<std::size_t>(size, 1), may_pack);
    for (const Control& control : whole.controls) {
      fuzz::require(control.payload.size() <= 125, "a control is short");
      fuzz::require(control.opcode >= Opcode::close, "it is a control");
    }
    const Read in_bytes = read(input, 1, may_pack);
    fuzz::require(in_bytes.wrong == whole.wrong, "cuts change nothing");
    fuzz::require(in_bytes.controls.size() == whole.controls.size(), "cuts lose no control");
  }
  return 0;
}
