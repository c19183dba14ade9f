#include "build/webhook_settings.h"

#include "source/url.h"

#include <algorithm>
#include <cstddef>

namespace cooper::build {

bool is_webhook_secret(std::string_view text) {
  constexpr std::size_t kShortest = 16;
  constexpr std::size_t kLongest = 256;
  if (text.empty()) return true;
  return text.size() >= kShortest && text.size() <= kLongest &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

bool is_webhook_url(std::string_view text) {
  if (text.empty()) return true;
  const auto url = source::parse_source_url(text);
  return url && url->password.empty() && (url->user.empty() || url->scheme == "ssh");
}

}  // namespace cooper::build
