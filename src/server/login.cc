#include "server/login.h"

#include "base/ascii.h"
#include "base/base64.h"
#include "base/text.h"
#include "server/audit_trail.h"
#include "server/login_limit.h"
#include "server/metrics.h"

#include <algorithm>
#include <chrono>

namespace cooper::server {

namespace {

Answer unauthorized() {
  Answer answer =
      error_answer(401, "invalid authentication",
                   "give a user and a password or token: RACK_URL=http://USER:TOKEN@HOST");
  answer.headers.add("WWW-Authenticate", "Basic realm=\"convox\"");
  return answer;
}

Answer too_many(std::chrono::seconds wait) {
  const std::string seconds = std::to_string(wait.count());
  Answer answer =
      error_answer(429, "too many failed logins from this address",
                   "try again in " + seconds + (wait.count() == 1 ? " second" : " seconds"));
  answer.headers.add("Retry-After", seconds);
  return answer;
}

}  // namespace

std::optional<Credentials> credentials_in(std::string_view header) {
  const std::size_t blank = std::min(header.find(' '), header.size());
  const std::string_view scheme = header.substr(0, blank);
  const std::string_view rest = trim(header.substr(blank));
  if (is_same_word(scheme, "bearer") && !rest.empty()) return Credentials{"", std::string(rest)};
  if (!is_same_word(scheme, "basic")) return std::nullopt;
  const auto plain = from_base64(rest);
  const std::size_t colon = plain ? plain->find(':') : std::string::npos;
  if (colon == std::string::npos) return std::nullopt;
  return Credentials{plain->substr(0, colon), plain->substr(colon + 1)};
}

std::optional<Answer> log_in(Services& services, Request& request) {
  const auto credentials = credentials_in(request.headers.get("authorization"));
  // Who comes without any asks what is wanted here (git and browsers do), and guesses nothing.
  if (!credentials) return unauthorized();
  const auto time = LoginLimit::Clock::now();
  const std::string_view secret = credentials->password;
  if (const auto refusal = services.logins.refuse(request.remote, secret, time)) {
    ++services.metrics.limited_logins;
    if (refusal->is_first) services.audit.note_refusal(nullptr, request, 429);
    return too_many(refusal->wait);
  }
  auto principal = services.access.admit(*credentials, request.remote);
  if (!principal) {
    services.logins.failed(request.remote, time);
    ++services.metrics.failed_logins;
    services.audit.note_refusal(nullptr, request, 401);
    return unauthorized();
  }
  services.logins.succeeded(request.remote, secret, time);
  request.principal = std::move(*principal);
  return std::nullopt;
}

}  // namespace cooper::server
