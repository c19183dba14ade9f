#pragma once
// One question to an HTTP server, for its status alone.

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>

namespace cooper::engine {

struct ProbeTarget {
  std::string address = "127.0.0.1";  ///< IPv4 or IPv6, as numbers
  std::uint16_t port = 0;
  std::string path = "/";  ///< begins with "/"; without white space and control characters
  std::chrono::milliseconds limit{4000};
};

/// Why `GET path` was not answered with a status from 200 to 399 in time; empty: it was.
/// Throws Error{canceled} on a stop request, nothing else.
std::string why_unhealthy(const ProbeTarget& target, const std::stop_token& stop = {});

}  // namespace cooper::engine
