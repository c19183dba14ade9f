#include "log/search.h"

#include "base/error.h"
#include "base/utf8.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <unistd.h>

namespace cooper::log {

namespace {

constexpr std::size_t kLongestText = 4096;
constexpr std::size_t kChunkBytes = std::size_t{256} << 10;
constexpr std::size_t kShownBefore = 100;
constexpr std::size_t kShownAfter = 200;

/// Up to a whole buffer, less at the end only.
std::size_t read_at(const Fd& log, std::uint64_t from, std::span<char> buffer) {
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const ssize_t n = ::pread(log.get(), buffer.data() + filled, buffer.size() - filled,
                              static_cast<off_t>(from + filled));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno("read a log");
    if (n == 0) break;
    filled += static_cast<std::size_t>(n);
  }
  return filled;
}

constexpr char to_upper(char c) {
  return static_cast<unsigned char>(c - 'a') < 26 ? static_cast<char>(c & ~0x20) : c;
}

constexpr char to_lower(char c) {
  return static_cast<unsigned char>(c - 'A') < 26 ? static_cast<char>(c | 0x20) : c;
}

/// How common a byte is in build logs, roughly: what matters is that `e` and the
/// space are bad to look for, and `_` or `Q` good.
int commonness(char c) {
  constexpr std::string_view kFromMostCommon = " etaoinrslcdupmhg/.-0f1b2yvk:w34568x97,\"jzq";
  const std::size_t place = kFromMostCommon.find(to_lower(c));
  if (place == std::string_view::npos) return 0;
  const int common = static_cast<int>(kFromMostCommon.size() - place);
  return c == to_lower(c) ? common : common / 4;
}

/// Which line of a log a place is in. Asked only where something was found: in
/// all other logs no line is counted.
class LineCounter {
 public:
  explicit LineCounter(const Fd& log) : log_(log) {}

  /// Places must ascend.
  std::uint64_t line_of(std::uint64_t place) {
    if (!buffer_) buffer_.reset(new char[kChunkBytes]);
    while (counted_ < place) {
      const std::size_t wanted =
          static_cast<std::size_t>(std::min<std::uint64_t>(kChunkBytes, place - counted_));
      const std::size_t n = read_at(log_, counted_, {buffer_.get(), wanted});
      if (n == 0) break;  // it has become shorter meanwhile
      line_ += static_cast<std::uint64_t>(std::count(buffer_.get(), buffer_.get() + n, '\n'));
      counted_ += n;
    }
    return line_;
  }

 private:
  const Fd& log_;
  std::unique_ptr<char[]> buffer_;
  std::uint64_t counted_ = 0;
  std::uint64_t line_ = 1;
};

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// The line around a place, as much of it as is shown.
SearchHit hit_at(const Fd& log, std::uint64_t place, std::size_t length) {
  const std::size_t before = static_cast<std::size_t>(std::min<std::uint64_t>(place, kShownBefore));
  std::string text(before + length + kShownAfter, '\0');
  text.resize(read_at(log, place - before, text));
  const std::size_t hit = std::min(before, text.size());
  const std::size_t end = text.find('\n', hit);
  SearchHit found{.line = 0, .text = {}, .cut_before = false, .cut_after = false};
  found.cut_after = end == std::string::npos && text.size() == before + length + kShownAfter;
  text.resize(std::min(end, text.size()));
  const std::size_t newline = text.substr(0, hit).rfind('\n');
  found.cut_before = newline == std::string::npos && place > before;
  text.erase(0, newline == std::string::npos ? 0 : newline + 1);
  // Not in the middle of a character.
  if (found.cut_before) {
    const auto whole = std::ranges::find_if_not(text, is_continuation);
    if (whole - text.begin() <= 3) text.erase(text.begin(), whole);
  }
  if (found.cut_after) {
    std::size_t last = text.size();
    while (last > 0 && text.size() - last < 4 && is_continuation(text[last - 1])) --last;
    last -= last > 0 ? 1 : 0;
    if (utf8_length(std::string_view(text).substr(last)) == 0) text.resize(last);
  }
  found.text = std::move(text);
  return found;
}

}  // namespace

TextSearch::TextSearch(std::string_view text, Case letters)
    : text_(text), letters_(letters), buffer_(new char[kLongestText + kChunkBytes]) {
  if (text.empty()) throw Error(Errc::invalid, "there is no text to search for");
  if (text.size() > kLongestText) throw Error(Errc::invalid, "the text is longer than 4 KiB");
  if (text.find('\n') != std::string_view::npos) {
    throw Error(Errc::invalid, "the text has more than one line", "search for one of its lines");
  }
  if (letters_ == Case::ignored) std::ranges::transform(text_, text_.begin(), to_lower);
  for (std::size_t i = 1; i < text_.size(); ++i) {
    if (commonness(text_[i]) < commonness(text_[rarest_])) rarest_ = i;
  }
  rarest_upper_ = letters_ == Case::ignored ? to_upper(text_[rarest_]) : text_[rarest_];
}

// Looks for the rarest byte, because memchr is many times as fast as anything
// that looks for a whole text; where case is ignored, for both of its forms.
class TextSearch::Scan {
 public:
  Scan(const TextSearch& search, std::string_view text) : search_(search), text_(text) {}

  /// Where the text that is searched for begins, at `from` or later. `from` must ascend.
  std::size_t find(std::size_t from) {
    const std::string& wanted = search_.text_;
    const std::size_t rarest = search_.rarest_;
    while (from + wanted.size() <= text_.size()) {
      const std::size_t at = std::min(next(lower_, wanted[rarest], from + rarest),
                                      next(upper_, search_.rarest_upper_, from + rarest));
      if (at == std::string_view::npos || at - rarest + wanted.size() > text_.size()) break;
      from = at - rarest;
      if (is_at(from)) return from;
      ++from;
    }
    return std::string_view::npos;
  }

 private:
  std::size_t next(std::size_t& place, char byte, std::size_t from) const {
    if (place != std::string_view::npos && place < from) place = text_.find(byte, from);
    return place;
  }
  bool is_at(std::size_t from) const {
    const std::string& wanted = search_.text_;
    if (search_.letters_ == Case::sensitive) {
      return std::memcmp(text_.data() + from, wanted.data(), wanted.size()) == 0;
    }
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (to_lower(text_[from + i]) != wanted[i]) return false;
    }
    return true;
  }

  const TextSearch& search_;
  std::string_view text_;
  // Where each form is next; looked for once only, however many hits there are.
  std::size_t lower_ = text_.find(search_.text_[search_.rarest_]);
  std::size_t upper_ = search_.rarest_upper_ == search_.text_[search_.rarest_]
                           ? std::string_view::npos
                           : text_.find(search_.rarest_upper_);
};

bool TextSearch::run(const Fd& log, const std::function<bool(const SearchHit&)>& found,
                     const std::stop_token& stop) {
  LineCounter lines(log);
  std::uint64_t base = 0;     // offset in the log of the buffer's first byte
  std::size_t kept = 0;       // bytes in it that are left of the piece before
  bool rest_of_line = false;  // of one that was found
  for (;;) {
    if (stop.stop_requested()) return false;
    char* const piece = buffer_.get() + kept;
    const std::size_t n = read_at(log, base + kept, {piece, kChunkBytes});
    if (n == 0) return true;
    const std::string_view text(buffer_.get(), kept + n);
    Scan scan(*this, text);
    std::size_t from = 0;
    for (;;) {
      if (rest_of_line) {
        const std::size_t newline = text.find('\n', from);
        rest_of_line = newline == std::string_view::npos;
        from = rest_of_line ? text.size() : newline + 1;
      }
      const std::size_t at = scan.find(from);
      if (at == std::string_view::npos) break;
      SearchHit hit = hit_at(log, base + at, text_.size());
      hit.line = lines.line_of(base + at);
      if (!found(hit)) return false;
      from = at + text_.size();
      rest_of_line = true;
    }
    // What may be the beginning of the text stays for the next piece.
    kept = std::min(text.size() - from, text_.size() - 1);
    base += text.size() - kept;
    std::memmove(buffer_.get(), text.data() + text.size() - kept, kept);
  }
}

}  // namespace cooper::log
