#pragma once
// Texts as Dokku prints them: tables, and strings in the manner of Go.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::plugin {

/// Rows of a table: columns two spaces apart and as wide as their longest cell
/// (of all rows, also those of other tables that are given the same widths).
/// Cells are shown through printable(): they may be anybody's.
class Columns {
 public:
  /// Widens the columns so that `row` fits.
  void fit(const std::vector<std::string>& row);
  /// The line of `row`, with its newline and without trailing spaces.
  std::string line(const std::vector<std::string>& row) const;

 private:
  std::vector<std::size_t> widths_;
};

/// A table of its own.
std::string table_text(std::span<const std::vector<std::string>> rows);

/// `text` as Go's encoding/json writes a string, quotes included: besides what
/// JSON wants, `<`, `>`, `&`, U+2028 and U+2029 are escaped; bytes that are no
/// UTF-8 become `\ufffd`.
std::string go_json(std::string_view text);

}  // namespace cooper::plugin
