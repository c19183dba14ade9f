#pragma once
// Which handler answers which request.
//
// To add a route: write `Answer handler(Services&, const Request&)` in a *_routes_*.cc, put a line
// into that file's table, and, for a new file, its table into all_routes() (routes.h). A handler
// runs on a worker thread, so it may block; it takes what it needs from the Request, calls
// Services::rack, and returns an Answer or throws Error. The role in its line is who may call it;
// a pattern with {app} is also checked against a principal's only app. Bodies, their limits,
// deadlines, authentication and errors are done before and after it (connection.h).

#include "server/request.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::server {

struct Services;

/// What a route does with a request's body.
enum class Body : std::uint8_t {
  none,        ///< there must be none
  form,        ///< x-www-form-urlencoded, in memory
  text,        ///< anything, in memory
  json,        ///< a JSON object or nothing, in memory
  file,        ///< anything, on disk
  small_file,  ///< the same, no larger than a form
};

/// Slow ones (uploads, builds, bundles) have workers of their own, so that they hold up no others.
enum class Speed : std::uint8_t { quick, slow };

/// May a client repeat it with an `Idempotency-Key` (request_keys.h)?
enum class Keyed : std::uint8_t { no, yes };

using Handler = Answer (*)(Services& services, const Request& request);

struct Route {
  Method method;
  /// Parts between slashes: words, `{name}`, `{name}.tgz`, and last `{name*}` for all that is left.
  std::string_view pattern;
  Role role;
  Handler handler;
  Body body = Body::none;
  Speed speed = Speed::quick;
  Keyed keyed = Keyed::no;  ///< heeded under /v1
};

/// What was found for a request.
struct Match {
  const Route* route = nullptr;  ///< null: none
  bool path_exists = false;      ///< with another method
};

/// Immutable once built: to be shared by threads.
class Router {
 public:
  /// The tables must outlive it. A route stands before those that match the same and more.
  explicit Router(std::vector<std::span<const Route>> tables) : tables_(std::move(tables)) {}

  /// The first that matches; its arguments are put into the request.
  Match find(Request& request) const;
  /// "GET, HEAD, POST": what can be done with that path. Empty: it leads nowhere.
  std::string allowed(const Request& request) const;

 private:
  std::vector<std::span<const Route>> tables_;
};

/// May this principal call that route with these arguments?
bool may_call(const Principal& principal, const Route& route, const Request& request);

}  // namespace cooper::server
