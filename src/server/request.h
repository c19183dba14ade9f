#pragma once
// A request and its answer, as routes see them: nothing of sockets or of an HTTP library, so that
// routes compile quickly and are tested without either.

#include "base/fd.h"
#include "model/names.h"
#include "server/fields.h"
#include "server/principal.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace cooper::server {

class RequestWatch;
class Stream;

/// `socket`: a GET that asks for a WebSocket. HEAD asks for a GET's headers.
enum class Method : std::uint8_t { get, head, post, put, patch, del, socket };

/// As a request's first line has it; a socket's is GET.
std::string_view to_string(Method method) noexcept;

struct Request {
  Method method = Method::get;
  Target target;
  Fields headers;    ///< names in lower case
  std::string body;  ///< of a route with Body::text
  Fields form;       ///< of a route with Body::form: its body
  Fd file;           ///< of a route with Body::file: an unnamed file that holds it, at its begin
  std::map<std::string, std::string, std::less<>> arguments;  ///< {app} ... of the route's pattern
  Principal principal;
  std::string remote;    ///< whose it is: the peer's address, or whom a trusted proxy asks for
  std::string id;        ///< names it in messages
  std::stop_token stop;  ///< requested when the peer has gone, or the server must end
  std::shared_ptr<RequestWatch> watch;  ///< shared only since its type is not known here

  /// A form's field, else the query's; empty if there is neither.
  std::string_view option(std::string_view name) const;
  /// The same as a bool: `true` or `false`, else Error{invalid}; absent is false.
  bool flag(std::string_view name) const;
  /// A header as a bool, in the same way; nullopt if there is none.
  std::optional<bool> header_flag(std::string_view name) const;
  /// Arguments of the pattern as checked names. Error{invalid}.
  AppName app() const;
  const std::string& argument(std::string_view name) const;
};

/// Writes an answer's body into a pipe. Runs on a worker; a throw before the first byte becomes
/// the answer, if that is not endless; else it breaks the connection off.
using Producer = std::function<void(int out, std::stop_token stop)>;

/// What an error's answer says, for those who say it in another form.
struct Refusal {
  std::optional<Errc> code;  ///< absent: the status tells all
  std::string message;
  std::string hint;
};

struct Answer {
  unsigned status = 200;
  std::string type = "application/json";
  Fields headers;  ///< further ones
  std::string body;
  Fd file;            ///< in place of `body`: sent from its begin to its end
  Producer producer;  ///< in place of both
  /// What it writes may never come, or never end: headers are sent at once, the peer is watched.
  bool is_endless = false;
  std::shared_ptr<Stream> stream;  ///< in place of all, of a socket's routes alone: see stream.h
  std::optional<Refusal> refusal;  ///< of an error_answer
  /// What of the body may be kept for a client that asks again with the same idempotency key;
  /// absent: all.
  std::optional<std::string> kept_body;
};

/// The one place where a code becomes an HTTP status.
unsigned http_status(Errc code) noexcept;

/// `{"error": "...", "hint": "..."}`, which the convox client prints, with a status ≥ 400.
Answer error_answer(unsigned status, std::string_view message, std::string_view hint = {});
Answer error_answer(const Error& error);
/// A 503 that says when to come again (`Retry-After`).
Answer busy_answer(std::string_view message);
/// What actions answer that have no value.
Answer ok_answer();

}  // namespace cooper::server
