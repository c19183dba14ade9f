#pragma once
// Lines from a stream that comes in pieces.

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace cooper::log {

/// Calls `line` for each line, without its newline and a carriage return before that. What is
/// longer than 64 KiB comes in several. One thread at a time.
class LineSplitter {
 public:
  explicit LineSplitter(std::function<void(std::string_view)> line) : line_(std::move(line)) {}

  void feed(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      partial_ += bytes.substr(0, end);
      if (end == std::string_view::npos && partial_.size() < kLongest) return;
      give();
      if (end == std::string_view::npos) return;
      bytes.remove_prefix(end + 1);
    }
  }
  /// The end of the stream.
  void finish() {
    if (!partial_.empty()) give();
  }

 private:
  static constexpr std::size_t kLongest = std::size_t{64} << 10;

  void give() {
    const std::string line = std::exchange(partial_, {});  // done with, also if `line_` throws
    std::string_view text = line;
    if (text.ends_with('\r')) text.remove_suffix(1);
    line_(text);
  }

  std::function<void(std::string_view)> line_;
  std::string partial_;
};

}  // namespace cooper::log
