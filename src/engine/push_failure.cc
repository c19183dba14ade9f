#include "engine/push_failure.h"

#include "base/ascii.h"
#include "base/text.h"

#include <algorithm>
#include <array>

namespace cooper::engine {

namespace {

// In lower case, as containers/image, Docker's distribution and containerd word it.
// Long enough that no digest and hardly a name holds one.
constexpr std::array<std::string_view, 16> kLasting = {"unauthorized",
                                                       "authentication required",
                                                       "no basic auth credentials",
                                                       "denied: ",
                                                       "is denied",
                                                       "access forbidden",
                                                       "403 forbidden",
                                                       "status code 403",
                                                       "404 not found",
                                                       "status code 404",
                                                       "name unknown",
                                                       "name invalid",
                                                       "manifest invalid",
                                                       "x509: ",
                                                       "to https client",
                                                       "does not look like a tls handshake"};
constexpr std::array<std::string_view, 22> kPassing = {"connection refused",
                                                       "connection reset",
                                                       "broken pipe",
                                                       "use of closed network connection",
                                                       ": eof",
                                                       "unexpected eof",
                                                       "timeout",
                                                       "timed out",
                                                       "deadline exceeded",
                                                       "no route to host",
                                                       "network is unreachable",
                                                       "temporary failure",
                                                       "server misbehaving",
                                                       "connection closed",
                                                       "too many requests",
                                                       "internal server error",
                                                       "bad gateway",
                                                       "service unavailable",
                                                       "http status: 5",
                                                       "status code 5",
                                                       "status code from registry 5",
                                                       "unexpected status: 5"};
constexpr std::array<std::string_view, 5> kAbsent = {
    "manifest unknown", "name unknown", "not found", "status code 404", "does not exist"};

template <std::size_t N>
bool holds_any(std::string_view text, const std::array<std::string_view, N>& marks) {
  return std::ranges::any_of(
      marks, [&](std::string_view mark) { return text.find(mark) != std::string_view::npos; });
}

}  // namespace

PushResult failed_push(std::string_view error) {
  const std::string text = lowered(error);
  return {.end = PushResult::End::failed,
          .reason = shorten(printable(trim(error)), 300),
          .may_pass = !holds_any(text, kLasting) && holds_any(text, kPassing)};
}

bool is_absent(std::string_view error) { return holds_any(lowered(error), kAbsent); }

}  // namespace cooper::engine
