#include "api/cursor.h"

#include "base/base64.h"
#include "base/text.h"

#include <algorithm>
#include <vector>

namespace cooper::api {

namespace {

constexpr std::size_t kLongest = 400;
constexpr char kSeparator = '\n';  // no name and no number has it

}  // namespace

std::string to_text(const Cursor& cursor) {
  std::string text = to_base64(std::to_string(cursor.at.time_since_epoch().count()) + kSeparator +
                               cursor.id + kSeparator + cursor.rest);
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return text.substr(0, text.find('='));
}

Result<Cursor> parse_cursor(std::string_view text) {
  const Error wrong(Errc::invalid, "the cursor is none that this server has given",
                    "begin with the first page: leave the cursor out");
  std::string base64(text);
  std::ranges::replace(base64, '-', '+');
  std::ranges::replace(base64, '_', '/');
  const auto plain = text.size() > kLongest ? std::nullopt : from_base64(base64);
  if (!plain) return wrong;
  const std::vector<std::string_view> parts = split(*plain, kSeparator);
  if (parts.size() != 3) return wrong;
  const auto at = parse_integer(parts[0]);
  if (!at) return wrong;
  return Cursor{.at = Time(std::chrono::nanoseconds(*at)),
                .id = std::string(parts[1]),
                .rest = std::string(parts[2])};
}

}  // namespace cooper::api
