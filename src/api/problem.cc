#include "api/problem.h"

#include "base/text.h"
#include "model/json_values.h"

#include <algorithm>
#include <array>

namespace cooper::api {
namespace json = boost::json;

namespace {

constexpr std::string_view kType = "urn:cooper:problem:";

struct Kind {
  std::string_view name;
  unsigned status;  ///< that it is told by, if nothing else tells; 0: none
  Errc code;        ///< what a client makes of it
  std::string_view title;
};

constexpr std::array kKinds = {
    Kind{"invalid", 400, Errc::invalid, "The request is wrong"},
    Kind{"unauthorized", 401, Errc::denied, "Credentials are needed"},
    Kind{"denied", 403, Errc::denied, "This is not allowed"},
    Kind{"not-found", 404, Errc::not_found, "There is no such thing"},
    Kind{"method-not-allowed", 405, Errc::invalid, "This can't be done with that method"},
    Kind{"conflict", 409, Errc::conflict, "Its state does not allow this"},
    Kind{"precondition-failed", 412, Errc::conflict, "It has changed"},
    Kind{"too-large", 413, Errc::invalid, "The body is too large"},
    Kind{"unsupported-media-type", 415, Errc::invalid, "The body is of no type that is taken"},
    Kind{"key-reused", 422, Errc::conflict, "The idempotency key belongs to another request"},
    Kind{"too-many-requests", 429, Errc::unavailable, "Too many requests"},
    Kind{"headers-too-large", 431, Errc::invalid, "The headers are too large"},
    Kind{"unavailable", 503, Errc::unavailable, "Something is needed that can't be reached"},
    Kind{"canceled", 0, Errc::canceled, "It was asked to stop"},
    Kind{"engine", 0, Errc::engine, "The image engine failed"},
    Kind{"corrupt", 0, Errc::corrupt, "What is stored can't be read"},
    Kind{"internal", 500, Errc::internal, "The server failed"}};

const Kind* find_kind(std::string_view name) {
  const auto found = std::ranges::find(kKinds, name, &Kind::name);
  return found == kKinds.end() ? nullptr : &*found;
}

}  // namespace

std::string_view kind_of(Errc code) noexcept {
  switch (code) {  // no default: a new Errc must be a compile error here
    case Errc::invalid:
      return "invalid";
    case Errc::not_found:
      return "not-found";
    case Errc::conflict:
      return "conflict";
    case Errc::denied:
      return "denied";
    case Errc::unavailable:
      return "unavailable";
    case Errc::canceled:
      return "canceled";
    case Errc::engine:
      return "engine";
    case Errc::corrupt:
      return "corrupt";
    case Errc::internal:
      return "internal";
  }
  return "internal";
}

std::string_view kind_of_status(unsigned status) noexcept {
  const auto found = std::ranges::find(kKinds, status, &Kind::status);
  if (found != kKinds.end()) return found->name;
  return status < 500 ? "invalid" : "internal";
}

std::string_view title_of(std::string_view kind) noexcept {
  const Kind* known = find_kind(kind);
  return known ? known->title : "The request failed";
}

json::object to_object(const Problem& problem) {
  json::object object{{"type", std::string(kType) + problem.kind},
                      {"title", title_of(problem.kind)},
                      {"status", problem.status},
                      {"detail", printable(problem.detail)}};
  if (!problem.hint.empty()) object["hint"] = printable(problem.hint);
  return object;
}

Result<Problem> parse_problem(std::string_view text) {
  const Result<json::object> object = parse_json_object(text);
  if (!object) return object.error();
  JsonReader reader(*object);
  const std::string type = reader.required_text("type");
  if (!type.starts_with(kType)) reader.fail("type", "is none of cooper's");
  Problem problem{.status = reader.number<unsigned>("status").value_or(500),
                  .kind = type.substr(std::min(kType.size(), type.size())),
                  .detail = reader.required_text("detail"),
                  .hint = reader.text("hint")};
  if (!reader.problem().empty()) return Error(Errc::corrupt, reader.problem());
  return problem;
}

Error to_error(const Problem& problem) {
  const Kind* kind = find_kind(problem.kind);
  if (!kind) kind = find_kind(kind_of_status(problem.status));
  return {kind->code, problem.detail, problem.hint};
}

}  // namespace cooper::api
