#include "build/property_values.h"

#include "base/text.h"

#include <algorithm>

namespace cooper::build {

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  for (const std::string_view unit : {"iB", "ib", "B", "b"}) {
    if (text.size() > unit.size() && text.ends_with(unit)) {
      text.remove_suffix(unit.size());
      break;
    }
  }
  if (text.empty()) return std::nullopt;
  std::uint64_t factor = 1;
  switch (text.back() | 0x20) {
    case 'k':
      factor = 1ULL << 10;
      break;
    case 'm':
      factor = 1ULL << 20;
      break;
    case 'g':
      factor = 1ULL << 30;
      break;
    default:
      break;
  }
  if (factor != 1) text.remove_suffix(1);
  const auto number = parse_number(text);
  if (!number || *number > (1ULL << 50) / factor) return std::nullopt;
  return *number * factor;
}

std::optional<std::uint32_t> parse_cpus(std::string_view text) {
  constexpr std::uint64_t kMost = 4096;
  const auto dot = std::min(text.find('.'), text.size());
  std::string fraction(text.substr(std::min(dot + 1, text.size())));
  if (fraction.size() > 3 || (dot < text.size() && fraction.empty())) return std::nullopt;
  fraction.resize(3, '0');
  const auto whole = parse_number(text.substr(0, dot));
  const auto thousandths = parse_number(fraction);
  if (!whole || !thousandths || *whole > kMost) return std::nullopt;
  return static_cast<std::uint32_t>(*whole * 1000 + *thousandths);
}

std::optional<unsigned> parse_concurrency(std::string_view text) {
  if (text == "cores") return 0;
  const auto number = parse_number(text);
  if (!number || *number == 0 || *number > 1000) return std::nullopt;
  return static_cast<unsigned>(*number);
}

std::vector<std::string> parse_schemes(std::string_view text) {
  std::vector<std::string> schemes;
  for (const std::string_view scheme : split(text, ',')) schemes.emplace_back(trim(scheme));
  return schemes;
}

}  // namespace cooper::build
