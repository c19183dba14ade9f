#include "source/file_warnings.h"

#include "base/text.h"

#include <utility>

namespace cooper::source {

void FileWarnings::add(std::string_view path, std::string_view what) {
  ++count_;
  if (texts_.size() < kMost) texts_.push_back(printable(path) + " " + std::string(what));
}

std::vector<std::string> FileWarnings::finish() {
  if (count_ > kMost) {
    texts_.back() = std::to_string(count_ - kMost + 1) + " more files were left out or changed";
  }
  return std::move(texts_);
}

}  // namespace cooper::source
