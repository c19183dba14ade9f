#pragma once
// Asks a server's /v1, and makes of its answers what local verbs give: values, and Errors with
// the same codes, words and hints.

#include "api/build_query.h"
#include "remote/http_client.h"

#include <boost/json/object.hpp>

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cooper::remote {

/// Names and values, as they are.
using Query = api::QueryEntries;

/// `{}` and its fields as the text of a request.
std::string to_text(const boost::json::object& object);

/// Throws the Error that an answer of 400 and more, or a redirect, stands for; `server` is its URL.
void require_good(const std::string& server, const HttpAnswer& answer);

/// The verbs of HTTP. All throw Error.
class ApiClient {
 public:
  explicit ApiClient(HttpClient& http) : http_(http) {}

  HttpClient& http() { return http_; }

  /// A connection that is cut on the way is made anew.
  std::string get(const std::string& path, const std::stop_token& stop = {});
  /// The same; nullopt for what is not there.
  std::optional<std::string> find(const std::string& path);
  /// The answer's text. `body`: absent for none.
  std::string post(const std::string& path, const std::optional<boost::json::object>& body,
                   const std::stop_token& stop = {});
  /// The same for what starts something: it is asked again where the connection is cut, with a key
  /// by which the server does it once.
  std::string post_once(const std::string& path, const boost::json::object& body,
                        const std::stop_token& stop = {});
  /// The same for any request whose body can be sent again.
  HttpAnswer send_once(HttpRequest request);
  std::string patch(const std::string& path, const boost::json::object& body);
  void remove(const std::string& path);
  /// Anything else, once.
  HttpAnswer send(const HttpRequest& request);

  /// The object that a server has answered. Error{unavailable} if it is none.
  boost::json::object object_in(const std::string& text) const;
  /// A value that was read of an answer; what can't be read is the server's fault.
  template <class T>
  T understood(Result<T> parsed) const {
    if (!parsed) throw not_understood(parsed.error().message());
    return *std::move(parsed);
  }
  Error not_understood(std::string_view why) const;

 private:
  Result<HttpAnswer> try_get(const std::string& path, const std::stop_token& stop);

  HttpClient& http_;
};

}  // namespace cooper::remote
