#pragma once
// Requests to one server. Blocking.

#include "base/error.h"
#include "remote/server.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cooper::remote {

/// The header by which a server does a request once, however often it comes.
inline constexpr std::string_view kIdempotencyKey = "Idempotency-Key";

/// What is asked. Of the bodies one at most is given.
struct HttpRequest {
  std::string method = "GET";
  std::string path;  ///< from its `/` on, with the query
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};      ///< sent if it is not empty
  int file = -1;              ///< borrowed: `bytes` of it from `offset` on are the body
  std::uint64_t offset = 0;   //
  std::uint64_t bytes = 0;    //
  int stream = -1;            ///< borrowed: the body is all that can be read from it
  std::string type = {};      ///< of the body
  bool asks_to_send = false;  ///< the body goes only if the server wants it
  std::stop_token stop = {};  ///< Error{canceled}
  /// Gets the body of an answer below 400 as it comes; absent: it is in HttpAnswer::body.
  std::function<void(std::string_view)> sink = {};
  std::function<void(std::uint64_t)> sent = {};  ///< bytes of the body that are on their way
  std::chrono::seconds silence{0};               ///< the longest time without a byte; 0: any
};

struct HttpAnswer {
  unsigned status = 0;
  std::string type;  ///< of the body, without parameters
  std::vector<std::pair<std::string, std::string>> headers = {};  ///< names in lower case
  std::string body = {};

  /// Empty if there is none.
  std::string_view header(std::string_view name) const;
};

/// Keeps connections for the next request. Credentials go to this server alone: redirects are not
/// followed. A certificate is verified as usual or, where its fingerprint is known, by that alone.
/// Safe to use from several threads at once.
class HttpClient {
 public:
  explicit HttpClient(Server server, std::chrono::seconds connect = std::chrono::seconds(10));
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  const Server& server() const { return server_; }

  /// The answer, whatever its status. Error{unavailable}: the server can't be reached or the
  /// connection was cut, so that it may have been done or not; trying again may help. Throws Error
  /// where that can't help: for a certificate that can't be trusted, on a stop request, and what
  /// the sink has thrown. What is neither read nor put, and has no idempotency key, is sent once.
  [[nodiscard]] Result<HttpAnswer> send(const HttpRequest& request);
  /// Has any request been sent yet?
  bool was_reached() const noexcept { return was_reached_; }

 private:
  class Connections;
  Server server_;
  std::chrono::seconds connect_;
  std::unique_ptr<Connections> connections_;
  std::atomic<bool> was_reached_ = false;
};

}  // namespace cooper::remote
