#include "engine/buildkit/upgrade.h"

#include "base/text.h"

namespace cooper::engine::buildkit {

std::string_view upgrade_request() {
  return "POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
         "Content-Length: 0\r\n\r\n";
}

std::optional<UpgradeAnswer> read_upgrade_answer(std::string_view bytes) {
  constexpr std::string_view kStart = "HTTP/1.";
  constexpr std::string_view kEnd = "\r\n\r\n";
  const std::size_t compared = std::min(bytes.size(), kStart.size());
  if (bytes.substr(0, compared) != kStart.substr(0, compared)) {
    return UpgradeAnswer{.status = 0, .size = bytes.size()};
  }
  const auto end = bytes.find(kEnd);
  if (end == std::string_view::npos) return std::nullopt;
  const auto words = split(bytes.substr(0, bytes.find("\r\n")), ' ');
  const auto status = parse_number(words.size() > 1 ? words[1] : "");
  if (!status || *status > 999) return UpgradeAnswer{.status = 0, .size = bytes.size()};
  return UpgradeAnswer{.status = static_cast<int>(*status), .size = end + kEnd.size()};
}

}  // namespace cooper::engine::buildkit
