// Any bytes on their way to a terminal: what comes out can only be text, colours
// and newlines, however the bytes were cut.

#include "log/terminal.h"

#include "fuzz/fuzz.h"

namespace {

using namespace cooper;
using fuzz::require;

/// The length of the colour sequence at the start of `text`; 0 if it is something else.
std::size_t sgr_length(std::string_view text) {
  if (!text.starts_with("\x1B[")) return 0;
  const std::size_t end = text.find_first_not_of("0123456789;:", 2);
  return end != std::string_view::npos && text[end] == 'm' ? end + 1 : 0;
}

void check_harmless(std::string_view text, log::Colour colour) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte == 0x1B) {
      const std::size_t length = sgr_length(text.substr(at));
      require(length > 0 && colour == log::Colour::kept, "only colours escape");
      at += length - 1;
    }
    require(byte >= 0x20 || byte == '\n' || byte == '\t' || byte == 0x1B, "no control characters");
    require(byte != 0x7F, "no DEL");
    const bool c1 =
        byte == 0xC2 && at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) < 0xA0;
    require(!c1, "no C1 controls");
  }
}

void check(std::string_view bytes, log::Colour colour) {
  log::TerminalFilter at_once(colour);
  std::string whole = at_once.filter(bytes);
  whole += at_once.finish();
  check_harmless(whole, colour);

  log::TerminalFilter piecewise(colour);
  std::string joined;
  fuzz::in_pieces(bytes, [&](std::string_view piece) { joined += piecewise.filter(piece); });
  joined += piecewise.finish();
  require(joined == whole, "cuts make no difference");

  log::TerminalFilter again(colour);
  std::string twice = again.filter(whole);
  twice += again.finish();
  require(twice == whole, "harmless text stays as it is");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::text_of(data, size);
  check(bytes, log::Colour::kept);
  check(bytes, log::Colour::removed);
  return 0;
}
