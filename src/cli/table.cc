#include "cli/table.h"

#include "base/text.h"
#include "base/utf8.h"

#include <algorithm>
#include <span>

namespace cooper::cli {

namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// East Asian wide and emoji blocks, and combining marks, coarsely: wcwidth(3)
// would know them all, but answers -1 for most in the C locale.
constexpr Range kWide[] = {{0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0xA4CF},
                           {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},
                           {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},   {0x1F300, 0x1F64F},
                           {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x1FA70, 0x1FAFF},
                           {0x20000, 0x3FFFD}};
constexpr Range kZero[] = {
    {0x0300, 0x036F}, {0x200B, 0x200F}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}};

bool within(std::span<const Range> ranges, char32_t c) noexcept {
  return std::ranges::any_of(
      ranges, [c](const Range& range) { return c >= range.first && c <= range.last; });
}

struct Character {
  std::size_t bytes;
  std::size_t width;  // 0, 1 or 2 columns
};

/// Takes one character off the front of printable, non-empty text.
Character take_character(std::string_view& text) noexcept {
  const std::size_t length = std::max<std::size_t>(utf8_length(text), 1);
  const char32_t c = code_point(text.substr(0, length));
  text.remove_prefix(length);
  std::size_t width = 1;
  if (within(kZero, c)) width = 0;
  if (within(kWide, c)) width = 2;
  return {length, width};
}

/// The beginning of printable text that fits, ended with `…` if it is cut.
/// shorten() of base counts characters; a terminal counts columns.
std::string fit(const std::string& text, std::size_t columns) {
  if (display_width(text) <= columns) return text;
  std::string_view rest = text;
  std::size_t kept = 0;
  for (std::size_t used = 1;;) {  // the ellipsis takes one
    const Character next = take_character(rest);
    used += next.width;
    if (used > columns) return text.substr(0, kept) + "…";
    kept += next.bytes;
  }
}

void append_cell(std::string& line, std::size_t& owed, const std::string& text, Style style,
                 std::size_t width, Colours colours) {
  if (!text.empty()) {
    line.append(owed, ' ');
    owed = 0;
    line += styled(text, style, colours);
  }
  owed += width - std::min(width, display_width(text)) + 2;
}

}  // namespace

std::size_t display_width(std::string_view text) noexcept {
  std::size_t width = 0;
  while (!text.empty()) width += take_character(text).width;
  return width;
}

std::string Table::text(Colours colours, std::size_t max_columns) const {
  std::vector<std::size_t> widths;
  for (const std::string& title : header_) widths.push_back(display_width(title));
  std::vector<std::vector<Cell>> rows = rows_;
  for (auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i].text = printable(row[i].text);
      widths[i] = std::max(widths[i], display_width(row[i].text));
    }
  }
  std::size_t before_last = 0;
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) before_last += widths[i] + 2;

  std::string text;
  const auto end_line = [&text] { text += '\n'; };
  std::size_t owed = 0;  // spaces that are due before the next text of the line
  for (std::size_t i = 0; i < header_.size(); ++i) {
    append_cell(text, owed, header_[i], Style::heading, widths[i], colours);
  }
  end_line();
  for (const auto& row : rows) {
    owed = 0;
    for (std::size_t i = 0; i < row.size(); ++i) {
      // Below ten columns a cut cell says nothing any more; then its line may wrap once.
      constexpr std::size_t kLeastColumns = 10;
      const std::size_t room = std::max(max_columns, before_last + kLeastColumns) - before_last;
      const bool cut = i + 1 == header_.size() && max_columns != 0;
      append_cell(text, owed, cut ? fit(row[i].text, room) : row[i].text, row[i].style, widths[i],
                  colours);
    }
    end_line();
  }
  return text;
}

std::string facts_text(const Facts& facts, Colours colours) {
  std::size_t width = 0;
  for (const auto& fact : facts) width = std::max(width, display_width(fact.first));
  std::string text;
  for (const auto& [label, cell] : facts) {
    std::size_t owed = 0;
    append_cell(text, owed, label, Style::heading, width, colours);
    append_cell(text, owed, printable(cell.text), cell.style, 0, colours);
    text += '\n';
  }
  return text;
}

}  // namespace cooper::cli
