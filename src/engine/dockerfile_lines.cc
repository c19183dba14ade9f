#include "engine/dockerfile_lines.h"

#include "base/text.h"

#include <algorithm>
#include <vector>

namespace cooper::engine {

std::string one_space(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\t';
    if (space && (result.empty() || result.back() == ' ')) continue;
    result += space ? ' ' : c;
  }
  return std::string(trim(result));
}

int line_of(std::string_view dockerfile, std::string_view instruction) {
  const std::string wanted = one_space(instruction);
  const std::vector<std::string_view> lines = split(dockerfile, '\n');
  int found = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::size_t first = i;
    std::string text;
    for (;; ++i) {
      std::string_view line = trim(lines[i]);
      const bool is_comment = line.starts_with('#');
      const bool goes_on = !is_comment && line.ends_with('\\');
      if (goes_on) line.remove_suffix(1);
      if (!is_comment) text += std::string(line) + " ";
      // A comment between the lines of an instruction does not end it.
      if ((!goes_on && !(is_comment && i > first)) || i + 1 == lines.size()) break;
    }
    if (one_space(text) != wanted) continue;
    if (found != 0) return 0;
    found = static_cast<int>(first) + 1;
  }
  return found;
}

std::string excerpt(std::string_view dockerfile, int line) {
  constexpr int kAround = 2;
  if (dockerfile.ends_with('\n')) dockerfile.remove_suffix(1);
  const std::vector<std::string_view> lines = split(dockerfile, '\n');
  const int count = static_cast<int>(lines.size());
  if (line < 1 || line > count) return {};
  const int last = std::min(count, line + kAround);
  const std::size_t width = std::to_string(last).size();
  std::string text;
  for (int number = std::max(1, line - kAround); number <= last; ++number) {
    std::string shown = std::to_string(number);
    shown.insert(0, width - shown.size(), ' ');
    text += number == line ? "> " : "  ";
    text += shown + " | " + printable(lines[static_cast<std::size_t>(number) - 1]) + "\n";
  }
  return text;
}

}  // namespace cooper::engine
