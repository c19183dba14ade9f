#pragma once
// Finding text in logs.

#include "base/fd.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

namespace cooper::log {

enum class Case : std::uint8_t { sensitive, ignored };

struct SearchHit {
  std::uint64_t line;  ///< from 1
  std::string text;    ///< the line, of a long one what stands around the hit; raw bytes
  bool cut_before;     ///< the line begins before `text`
  bool cut_after;
};

/// Looks for a text in one log after the other. Reads in pieces, so that the
/// size of a log or of a line costs no memory. One thread at a time.
class TextSearch {
 public:
  /// Case is ignored for the letters A to Z only. Throws Error{invalid} if `text`
  /// is empty, longer than 4 KiB or has a newline.
  TextSearch(std::string_view text, Case letters);

  /// Calls `found` for each line that holds the text (once for its first place),
  /// in order. Ends at once if that returns false, or on a stop request, and
  /// then returns false. Throws Error if the log can't be read.
  bool run(const Fd& log, const std::function<bool(const SearchHit&)>& found,
           const std::stop_token& stop);

 private:
  class Scan;

  std::string text_;  // in lower case if case is ignored
  Case letters_;
  std::size_t rarest_ = 0;  // place in text_ of the byte that logs hold least of
  char rarest_upper_ = 0;   // where case is ignored, its other form
  std::unique_ptr<char[]> buffer_;
};

}  // namespace cooper::log
