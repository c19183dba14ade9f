#pragma once
// HTTP with a Docker Engine over its unix socket: connecting, and one exchange.

#include "base/fd.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cooper::engine {

/// A connection to a unix socket. Throws Error{unavailable}, with what to do.
Fd connect_unix(const std::filesystem::path& socket);

struct HttpCall {
  std::string method = "GET";
  std::string target;  ///< "/images/json?all=0", escaped
  std::vector<std::pair<std::string, std::string>> headers;
  /// Without a byte from the engine; 0: none.
  std::chrono::milliseconds limit = std::chrono::minutes(2);
  std::string body{};            ///< JSON; empty: none
  int file = -1;                 ///< sent as the body, from where it stands; -1: there is none
  std::uint64_t file_bytes = 0;  ///< so much of it
};

struct HttpReply {
  unsigned status = 0;
  std::string body;  ///< empty if it went to `on_body`
};

/// One exchange on a connection of its own. The body of an answer with status 200
/// goes to `on_body`, where there is one, as it comes. Throws Error{unavailable} if
/// the engine does not answer, Error{canceled} on a stop request, Error{engine} for
/// what is no HTTP, or an answer of more than 64 MiB.
HttpReply exchange(const std::filesystem::path& socket, const HttpCall& call,
                   const std::function<void(std::string_view)>& on_body = {},
                   std::stop_token stop = {});

}  // namespace cooper::engine
