#pragma once
// What the tests of the log layer share.

#include "base/file.h"
#include "log/redact.h"
#include "unit/test_support.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::log {

inline std::string content(const std::filesystem::path& path) {
  return read_file(path, std::size_t{1} << 30).value();
}

using Random = std::mt19937;

/// Uniform, both ends included.
inline std::size_t pick(Random& random, std::size_t low, std::size_t high) {
  return std::uniform_int_distribution<std::size_t>(low, high)(random);
}

/// `text` cut into pieces of 0 to `longest` bytes.
inline std::vector<std::string> random_pieces(Random& random, std::string_view text,
                                              std::size_t longest) {
  std::vector<std::string> pieces;
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, pick(random, 0, longest));
    pieces.emplace_back(piece);
    text.remove_prefix(piece.size());
  }
  return pieces;
}

/// What the contract of Redactor says, without a thought for speed: the union of all
/// occurrences of all forms, each run of hidden bytes shown as one mark.
inline std::string redacted_naively(const std::vector<std::string>& secrets,
                                    std::string_view text) {
  std::vector<bool> hidden(text.size());
  for (const std::string& secret : secrets)
    for (const std::string& form : forms_of_secret(secret))
      for (std::size_t at = text.find(form); at != std::string_view::npos;
           at = text.find(form, at + 1))
        std::fill_n(hidden.begin() + static_cast<std::ptrdiff_t>(at), form.size(), true);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!hidden[i]) out += text[i];
    if (hidden[i] && (i == 0 || !hidden[i - 1])) out += kRedacted;
  }
  return out;
}

}  // namespace cooper::log
