#pragma once
// Letters and digits of ASCII, the same in every locale; what <cctype> says depends on it.

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

namespace cooper {

/// 0 to 9.
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
/// a to z.
constexpr bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
/// a to z and A to Z.
constexpr bool is_letter(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }
/// What is_letter or is_digit.
constexpr bool is_letter_or_digit(char c) { return is_letter(c) || is_digit(c); }

/// Letters, digits, and characters of `others`.
constexpr bool is_made_of_letters(std::string_view text, std::string_view others) {
  return std::ranges::all_of(text, [&](char c) {
    return is_letter_or_digit(c) || others.find(c) != std::string_view::npos;
  });
}

/// A to Z as a to z; others as they are.
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
/// `lower` of each character.
std::string lowered(std::string_view text);
/// The same but for upper and lower case.
constexpr bool is_same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

/// `text` with all but letters, digits and `-._~` as %XX: a part of a URL (RFC 3986, 2.3).
std::string percent_encoded(std::string_view text, std::string_view digits = "0123456789ABCDEF");
/// The byte that the text begins with as %XX; nullopt if it does not.
std::optional<char> percent_byte(std::string_view text);

}  // namespace cooper
