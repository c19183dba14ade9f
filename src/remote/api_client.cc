#include "remote/api_client.h"

#include "api/problem.h"
#include "base/pause.h"
#include "base/random.h"
#include "base/text.h"
#include "model/json_values.h"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <chrono>

namespace cooper::remote {

namespace {

constexpr int kMostTries = 3;  // of what changes nothing
/// How long a server may be away while something is started.
constexpr std::chrono::seconds kPatience{20};
constexpr std::chrono::milliseconds kPause{250};
constexpr std::chrono::milliseconds kLongestPause{4000};
/// How long one may work on what was asked before the connection was cut.
constexpr std::chrono::minutes kLongestWork{10};

/// Of no other 409 a server says when to come again.
bool is_under_way(const HttpAnswer& answer) {
  return answer.status == 409 && !answer.header("retry-after").empty();
}

Error still_under_way() {
  return {Errc::unavailable,
          "the connection was lost, and the server still works on what was asked",
          "look later whether it was done"};
}

}  // namespace

std::string to_text(const boost::json::object& object) { return boost::json::serialize(object); }

void require_good(const std::string& server, const HttpAnswer& answer) {
  if (answer.status >= 200 && answer.status < 300) return;
  if (answer.status >= 300 && answer.status < 400) {
    throw Error(Errc::unavailable,
                server + " redirects to " + shorten(printable(answer.header("location")), 100) +
                    ", which is not followed",
                "credentials go to no other server: name the one that is meant");
  }
  const auto problem = api::parse_problem(answer.body);
  if (answer.status == 401) {
    throw Error(Errc::denied, server + " refuses the token",
                "log in with a good one: cooper login " + server +
                    "; on the server's host: cooper tokens create");
  }
  if (problem) throw api::to_error(*problem);
  if (answer.status == 404) {
    throw Error(Errc::unavailable, server + " is no cooper server, or of an older version",
                "cooper speaks to servers of its own version or newer ones");
  }
  throw Error(answer.status == 403 ? Errc::denied : Errc::unavailable,
              server + " answers with status " + std::to_string(answer.status) +
                  (answer.body.empty() ? "" : ": " + shorten(printable(trim(answer.body)), 200)));
}

Result<HttpAnswer> ApiClient::try_get(const std::string& path, const std::stop_token& stop) {
  for (int tried = 1;; ++tried) {
    auto answer = http_.send({.path = path, .stop = stop});
    if (answer || tried == kMostTries) return answer;
  }
}

std::string ApiClient::get(const std::string& path, const std::stop_token& stop) {
  const HttpAnswer answer = try_get(path, stop).value();
  require_good(http_.server().url, answer);
  return answer.body;
}

std::optional<std::string> ApiClient::find(const std::string& path) {
  const HttpAnswer answer = try_get(path, {}).value();
  if (answer.status == 404 && api::parse_problem(answer.body)) return std::nullopt;
  require_good(http_.server().url, answer);
  return answer.body;
}

HttpAnswer ApiClient::send(const HttpRequest& request) {
  HttpAnswer answer = http_.send(request).value();
  require_good(http_.server().url, answer);
  return answer;
}

std::string ApiClient::post(const std::string& path, const std::optional<boost::json::object>& body,
                            const std::stop_token& stop) {
  return send({.method = "POST",
               .path = path,
               .body = body ? to_text(*body) : "",
               .type = body ? "application/json" : "",
               .stop = stop})
      .body;
}

std::string ApiClient::post_once(const std::string& path, const boost::json::object& body,
                                 const std::stop_token& stop) {
  return send_once({.method = "POST",
                    .path = path,
                    .body = to_text(body),
                    .type = "application/json",
                    .stop = stop})
      .body;
}

HttpAnswer ApiClient::send_once(HttpRequest request) {
  using Clock = std::chrono::steady_clock;
  request.headers.emplace_back(kIdempotencyKey, random_base36(32));
  constexpr auto kAny = Clock::time_point::max();
  Clock::time_point back_by = kAny;  // the server, which does not answer
  Clock::time_point done_by = kAny;  // what it does since it was asked first
  for (std::chrono::milliseconds wait = kPause;; wait = std::min(2 * wait, kLongestPause)) {
    auto answer = http_.send(request);
    if (!answer) {
      back_by = std::min(back_by, Clock::now() + kPatience);
      const bool is_new = !http_.was_reached();  // it may be no server at all
      if (is_new || Clock::now() > back_by) throw Error(answer.error());
    } else if (is_under_way(*answer)) {
      back_by = kAny;
      done_by = std::min(done_by, Clock::now() + kLongestWork);
      if (Clock::now() > done_by) throw still_under_way();
    } else {
      require_good(http_.server().url, *answer);
      return *std::move(answer);
    }
    if (!pause(wait, request.stop)) throw Error(Errc::canceled, "canceled");
    request.asks_to_send = request.file >= 0;  // it may be large, and not be wanted
  }
}

std::string ApiClient::patch(const std::string& path, const boost::json::object& body) {
  return send({.method = "PATCH", .path = path, .body = to_text(body), .type = "application/json"})
      .body;
}

void ApiClient::remove(const std::string& path) { send({.method = "DELETE", .path = path}); }

boost::json::object ApiClient::object_in(const std::string& text) const {
  return understood(parse_json_object(text));
}

Error ApiClient::not_understood(std::string_view why) const {
  return {Errc::unavailable,
          "the answer of " + http_.server().url +
              " can't be understood: " + shorten(printable(why), 200),
          "is it a cooper server of this version?"};
}

}  // namespace cooper::remote
