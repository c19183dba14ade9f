#include "plugin/text.h"

#include "base/text.h"
#include "base/utf8.h"

#include <algorithm>

namespace cooper::plugin {

namespace {

/// Characters of well-formed UTF-8: what Dokku's tables count.
std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) >> 6U) != 2; }));
}

std::string hex_escape(std::string_view prefix, unsigned value, unsigned digits) {
  std::string text(prefix);
  while (digits-- > 0) text += "0123456789abcdef"[(value >> (digits * 4)) & 15U];
  return text;
}

/// Calls `take(character's bytes, its code point)`; no bytes: one byte that is no UTF-8.
template <class Take>
void for_each_character(std::string_view text, Take take) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const std::string_view bytes = text.substr(0, length);
    take(bytes, length == 0 ? static_cast<unsigned char>(text[0]) : code_point(bytes));
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
}

}  // namespace

void Columns::fit(const std::vector<std::string>& row) {
  widths_.resize(std::max(widths_.size(), row.size()));
  for (std::size_t i = 0; i < row.size(); ++i) {
    widths_[i] = std::max(widths_[i], characters(printable(row[i])));
  }
}

std::string Columns::line(const std::vector<std::string>& row) const {
  std::string text;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::string cell = printable(row[i]);
    text += cell;
    text.append(widths_[i] - characters(cell) + 2, ' ');
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text + "\n";
}

std::string table_text(std::span<const std::vector<std::string>> rows) {
  Columns columns;
  for (const auto& row : rows) columns.fit(row);
  std::string text;
  for (const auto& row : rows) text += columns.line(row);
  return text;
}

std::string go_json(std::string_view text) {
  std::string json = "\"";
  for_each_character(text, [&json](std::string_view bytes, char32_t c) {
    if (bytes.empty()) {
      json += "\\ufffd";
    } else if (c == '"' || c == '\\') {
      (json += '\\') += bytes;
    } else if (c == '\b') {
      json += "\\b";
    } else if (c == '\f') {
      json += "\\f";
    } else if (c == '\n') {
      json += "\\n";
    } else if (c == '\r') {
      json += "\\r";
    } else if (c == '\t') {
      json += "\\t";
    } else if (c < 0x20 || c == '<' || c == '>' || c == '&' || c == 0x2028 || c == 0x2029 ||
               (c >= 0x7F && c < 0xA0)) {  // Go prints the last ones, and a terminal obeys them
      json += hex_escape("\\u", c, 4);
    } else {
      json += bytes;
    }
  });
  return json + '"';
}

}  // namespace cooper::plugin
