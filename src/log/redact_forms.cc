// The forms in which a secret may be printed.

#include "base/ascii.h"
#include "base/text.h"
#include "log/redact.h"

#include <algorithm>

namespace cooper::log {

namespace {

constexpr std::size_t kShortest = 4;
constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum class Last { whole_characters_only, padded_with_zero_bits };

// The base64 characters that are wholly made of the secret's bits when it
// stands `before` bytes (0 to 2) after a multiple of three: the characters at
// the edges also carry bits of the neighbours, and so can't be known. At the
// end of the data, though, the last one is padded with zero bits.
std::string base64_inside(std::string_view secret, std::size_t before, Last last) {
  const std::size_t end_bit = 8 * (before + secret.size());
  const std::size_t first = (8 * before + 5) / 6;
  const std::size_t end = last == Last::whole_characters_only ? end_bit / 6 : (end_bit + 5) / 6;
  const auto bit = [&](std::size_t at) -> unsigned {
    if (at >= end_bit) return 0;
    const auto byte = static_cast<unsigned char>(secret[at / 8 - before]);
    return (byte >> (7 - at % 8)) & 1U;
  };
  std::string text;
  for (std::size_t i = first; i < end; ++i) {
    unsigned value = 0;
    for (std::size_t k = 0; k < 6; ++k) value = value << 1 | bit(6 * i + k);
    text += kAlphabet[value];
  }
  return text;
}

std::string to_base64url(std::string text) {
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

enum class Markup { as_is, escaped };

// Go's encoding/json, which buildah and most container tools use, also escapes
// the characters that mean something in HTML.
std::string json_escaped(std::string_view secret, Markup markup) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : secret) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_markup = c == '<' || c == '>' || c == '&';
    switch (c) {
      case '"':
        text += "\\\"";
        break;
      case '\\':
        text += "\\\\";
        break;
      case '\n':
        text += "\\n";
        break;
      case '\r':
        text += "\\r";
        break;
      case '\t':
        text += "\\t";
        break;
      case '\b':
        text += "\\b";
        break;
      case '\f':
        text += "\\f";
        break;
      default:
        if (byte < 0x20 || (is_markup && markup == Markup::escaped)) {
          text += "\\u00";
          text += kDigits[byte >> 4];
          text += kDigits[byte & 15];
        } else {
          text += c;
        }
    }
  }
  return text;
}

}  // namespace

std::vector<std::string> forms_of_secret(std::string_view secret) {
  if (secret.size() < kShortest) return {};
  std::vector<std::string> forms{
      std::string(secret), percent_encoded(secret), percent_encoded(secret, "0123456789abcdef"),
      json_escaped(secret, Markup::as_is), json_escaped(secret, Markup::escaped)};
  for (std::size_t before = 0; before < 3; ++before) {
    for (const Last last : {Last::whole_characters_only, Last::padded_with_zero_bits}) {
      std::string base64 = base64_inside(secret, before, last);
      forms.push_back(to_base64url(base64));
      forms.push_back(std::move(base64));
    }
  }
  for (std::string_view line : split(secret, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    forms.emplace_back(line);
  }
  std::erase_if(forms, [](const std::string& form) { return form.size() < kShortest; });
  return forms;
}

std::vector<std::string> secrets_from_lines(std::string_view value) {
  std::vector<std::string> secrets;
  for (const std::string_view secret : split(value, '\n'))
    if (!secret.empty()) secrets.emplace_back(secret);
  return secrets;
}

}  // namespace cooper::log
