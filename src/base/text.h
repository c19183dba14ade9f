#pragma once
// Small text tools.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cooper {

std::string_view trim(std::string_view text);  ///< ASCII white space, both ends
std::vector<std::string_view> split(std::string_view text, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);

/// A relative path without empty parts, `.` and `..`: empty for the folder itself;
/// nullopt if it leads out of the folder, or is absolute.
std::optional<std::string> normal_path(std::string_view path);

/// Decimal digits only, the whole text, no overflow; else nullopt.
std::optional<std::uint64_t> parse_number(std::string_view text);

/// An optional sign and decimal digits, the whole text, no overflow; else nullopt.
std::optional<std::int64_t> parse_integer(std::string_view text);

/// `text` in double quotes, with quotes, backslashes and control characters
/// escaped as Go's %q does it: one line, whatever it holds.
std::string go_quoted(std::string_view text);

/// `text` with control characters (C0, DEL, C1), characters that change the
/// direction, and invalid UTF-8 bytes replaced by `?`, so that a value someone
/// else wrote can't drive the terminal, break a line, or show in another order.
std::string printable(std::string_view text);

/// `text` with every byte that is not part of well-formed UTF-8 replaced by
/// U+FFFD: what JSON can hold.
std::string valid_utf8(std::string_view text);

/// The first `max_columns` characters of printable text, ended with `…` if cut.
std::string shorten(std::string_view text, std::size_t max_columns);

/// The candidate nearest to `word`, if near enough to be meant by it (at
/// most a third of its letters, or one, mistyped; two swapped ones are one mistake).
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

/// 1.5 KiB, 12 MiB: at most one decimal digit.
std::string human_bytes(std::uint64_t bytes);

}  // namespace cooper
