#include "engine/daemons.h"

#include "base/error.h"
#include "base/sha256.h"
#include "base/text.h"
#include "engine/docker_http.h"
#include "engine/reachable.h"

#include <algorithm>

namespace cooper::engine {

bool is_buildkit_address(std::string_view text) noexcept {
  if (text.starts_with(kUnixScheme))
    return text.size() > kUnixScheme.size() && text[kUnixScheme.size()] == '/';
  if (!text.starts_with(kTcpScheme)) return false;
  const auto colon = text.rfind(':');
  const auto port = parse_number(text.substr(colon + 1));
  return colon > kTcpScheme.size() && port && *port > 0 && *port < 65536;
}

std::optional<std::vector<std::string>> parse_buildkit_addresses(std::string_view text) {
  std::vector<std::string> addresses;
  if (text.empty()) return addresses;
  for (const std::string_view address : split(text, ',')) {
    if (!is_buildkit_address(address)) return std::nullopt;
    addresses.emplace_back(address);
  }
  return addresses;
}

std::string why_unreachable(const std::string& buildkit_address) {
  if (buildkit_address.starts_with(kTcpScheme)) {
    const bool answers = tcp_answers(buildkit_address.substr(kTcpScheme.size()));
    return answers ? "" : "nothing answers at " + buildkit_address;
  }
  try {
    connect_unix(buildkit_address.substr(kUnixScheme.size()));
    return {};
  } catch (const Error& error) {  // adapter: that is the answer
    return error.message();
  }
}

std::vector<std::string> in_order_for(std::string_view app, std::vector<std::string> daemons) {
  const auto weight = [&](const std::string& daemon) {
    return sha256(std::string(app) + '\n' + daemon);
  };
  std::ranges::sort(daemons, std::ranges::greater{}, weight);
  return daemons;
}

}  // namespace cooper::engine
