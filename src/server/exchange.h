#pragma once
// What comes between a request's headers and its handler, and how an answer's headers look.

#include "server/request.h"
#include "server/router.h"
#include "server/services.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cooper::server {

/// A request's first line and what is needed to frame its body.
struct Head {
  std::string method;  ///< GET ...
  std::string target;
  bool is_upgrade = false;  ///< asks for a WebSocket
  bool is_http_11 = true;
};

/// Finds the route and asks who it is. Fills in the request's method, target, arguments and
/// principal. Returns the answer if there is nothing to hand on to a handler. Does not block.
std::optional<Answer> admit(Services& services, const Head& head, Request& request, Match& match);

/// Bytes that the body of a request to this route may have.
std::uint64_t body_limit(const Limits& limits, Body body);

/// What a client that asks before it sends the body (`Expect: 100-continue`) is answered instead of
/// "go on". On a worker. Never throws.
std::optional<Answer> refuse_body(Services& services, const Route& route, const Request& request);

/// Runs the route's handler. On a worker. Never throws.
Answer handle(Services& services, const Route& route, Request& request);

/// How an answer's body is framed.
struct Framing {
  std::optional<std::uint64_t> length;  ///< absent: chunks or, for HTTP/1.0, up to the end
  bool is_http_11 = true;
  bool keep_alive = true;
};
/// "HTTP/1.1 200 OK" and so on to the empty line.
std::string header_text(const Answer& answer, std::string_view request_id, const Framing& framing);

/// 16 letters and digits that name a request in headers and messages.
std::string new_request_id();

}  // namespace cooper::server
