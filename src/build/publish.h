#pragma once
// The property `publish`: at which of the host's ports services are reached.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::build {

/// `web=8080`, `web:9000/udp=0.0.0.0:9000`
struct Publish {
  std::string service;
  std::uint16_t container = 0;  ///< 0: the service's first port of this protocol
  std::string protocol = "tcp";
  std::string address = "127.0.0.1";
  std::uint16_t host = 0;
  bool operator==(const Publish&) const = default;
};

/// With commas between them; nullopt if one is none. Empty text: none.
std::optional<std::vector<Publish>> parse_publish(std::string_view text);

}  // namespace cooper::build
