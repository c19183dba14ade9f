#include "base/text.h"
#include "manifest/document.h"

#include <algorithm>

namespace cooper::manifest {

std::optional<Error> check_text(std::string_view text, const ParseOptions& options) {
  if (text.size() > options.limits.max_bytes) {
    return Error(
        Errc::invalid,
        printable(options.file_name) + ": larger than " + human_bytes(options.limits.max_bytes),
        "a manifest has some kilobytes; is this the right file?");
  }
  int line = 1;
  std::size_t line_start = 0;
  std::size_t indicators = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto c = static_cast<unsigned char>(text[at]);
    const int column = static_cast<int>(at - line_start) + 1;
    if (c == '\n') {
      ++line;
      line_start = at + 1;
    } else if ((c < 0x20 && c != '\t' && c != '\r') || c == 0x7F) {
      return error_at(options, text, line, column,
                      "expected text, found the control character " + std::to_string(c),
                      "a manifest is UTF-8 text; is this the right file?");
    } else if ((c == '[' || c == '{' || c == ',') && ++indicators > options.limits.max_flow) {
      return error_at(options, text, line, column,
                      "more than " + std::to_string(options.limits.max_flow) +
                          " brackets, braces and commas up to here",
                      "write long lists one item a line, each after a \"- \"");
    }
  }
  const std::string valid = valid_utf8(text);
  const auto wrong = std::ranges::mismatch(text, valid).in1;
  if (wrong == text.end()) return std::nullopt;
  const std::string_view before(text.begin(), wrong);
  return error_at(options, text, static_cast<int>(std::ranges::count(before, '\n')) + 1,
                  static_cast<int>(before.size() - (before.rfind('\n') + 1)) + 1,
                  "expected UTF-8, found a byte that is none", "save the manifest as UTF-8");
}

}  // namespace cooper::manifest
