#pragma once
// Sentences about files that are not quite what they should be.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::source {

/// At most so many are kept; the last one then says how many more there were.
class FileWarnings {
 public:
  static constexpr std::size_t kMost = 100;

  /// "PATH WHAT", made printable.
  void add(std::string_view path, std::string_view what);
  /// Call once, last.
  std::vector<std::string> finish();

 private:
  std::vector<std::string> texts_;
  std::size_t count_ = 0;
};

}  // namespace cooper::source
