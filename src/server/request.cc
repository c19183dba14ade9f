#include "server/request.h"

#include "base/text.h"
#include "model/json.h"

#include <boost/json/value.hpp>

namespace cooper::server {

namespace {

bool bool_of(std::string_view what, std::string_view value) {
  if (value == "true" || value == "false") return value == "true";
  throw Error(Errc::invalid, std::string(what) + " is neither true nor false");
}

}  // namespace

std::string_view Request::option(std::string_view name) const {
  if (const auto value = form.find(name)) return *value;
  return target.query.get(name);
}

bool Request::flag(std::string_view name) const {
  const std::string_view value = option(name);
  return !value.empty() && bool_of(name, value);
}

std::optional<bool> Request::header_flag(std::string_view name) const {
  const std::string_view value = headers.get(name);
  if (value.empty()) return std::nullopt;
  return bool_of("the header " + std::string(name), value);
}

AppName Request::app() const { return AppName::parse(argument("app")).value(); }

const std::string& Request::argument(std::string_view name) const {
  const auto found = arguments.find(name);
  if (found == arguments.end()) {
    throw Error(Errc::internal, "the route has no {" + std::string(name) + "}");
  }
  return found->second;
}

std::string_view to_string(Method method) noexcept {
  switch (method) {
    case Method::get:
    case Method::socket:
      return "GET";
    case Method::head:
      return "HEAD";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::patch:
      return "PATCH";
    case Method::del:
      return "DELETE";
  }
  return "";
}

unsigned http_status(Errc code) noexcept {
  switch (code) {  // no default: a new Errc must be a compile error here
    case Errc::invalid:
      return 400;
    case Errc::not_found:
      return 404;
    case Errc::conflict:
      return 409;
    case Errc::denied:
      return 403;
    case Errc::unavailable:
    case Errc::canceled:
      return 503;
    case Errc::engine:
    case Errc::corrupt:
    case Errc::internal:
      return 500;
  }
  return 500;
}

Answer error_answer(unsigned status, std::string_view message, std::string_view hint) {
  boost::json::object object{{"error", printable(message)}};
  if (!hint.empty()) object["hint"] = printable(hint);
  Answer answer;
  answer.status = status;
  answer.body = pretty(object);
  answer.refusal = Refusal{.code = {}, .message = std::string(message), .hint = std::string(hint)};
  return answer;
}

Answer error_answer(const Error& error) {
  Answer answer = error_answer(http_status(error.code()), error.message(), error.hint());
  answer.refusal->code = error.code();
  return answer;
}

Answer busy_answer(std::string_view message) {
  Answer answer = error_answer(503, message, "try again in a moment");
  answer.headers.add("Retry-After", "5");
  return answer;
}

Answer ok_answer() {
  Answer answer;
  answer.type = "text/plain; charset=utf-8";
  answer.body = "ok";
  return answer;
}

}  // namespace cooper::server
