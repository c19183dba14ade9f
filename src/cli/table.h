#pragma once
// Tables and label lists, as text.

#include "cli/style.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cooper::cli {

/// Text in a style. The text is shown through printable(): it may be anybody's.
struct Cell {
  std::string text;
  Style style = Style::plain;
};

/// Rows under a header line: columns two spaces apart, as wide as their widest
/// cell, no trailing spaces, each line ended by a newline.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : header_(std::move(header)) {}

  /// Cells that are missing at the end are empty.
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }

  /// `max_columns`: the last column is cut so that no line is longer, but to
  /// no less than ten columns; 0: no limit.
  std::string text(Colours colours, std::size_t max_columns = 0) const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<Cell>> rows_;
};

/// One fact a line: labels padded to one column, two spaces, the value.
using Facts = std::vector<std::pair<std::string, Cell>>;

/// The lines of `facts`.
std::string facts_text(const Facts& facts, Colours colours);

/// Columns that printable UTF-8 takes on a terminal.
std::size_t display_width(std::string_view text) noexcept;

}  // namespace cooper::cli
