#include "server/api_answers.h"

#include "api/body.h"
#include "base/ascii.h"
#include "base/sha256.h"
#include "base/text.h"
#include "model/json.h"
#include "server/request_keys.h"

#include <algorithm>

namespace cooper::server {

namespace json = boost::json;

namespace {

/// Of these very bytes: strong.
std::string tag_of(std::string_view body) { return '"' + hex(sha256(body)).substr(0, 32) + '"'; }

/// Does a header with tags name this one? `*` is any. (A weak tag is as good: ours never are.)
bool names_tag(std::string_view header, std::string_view tag) {
  for (std::string_view one : split(header, ',')) {
    one = trim(one);
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == "*" || one == tag) return true;
  }
  return false;
}

bool is_json(std::string_view type) {
  return is_same_word(trim(type.substr(0, type.find(';'))), "application/json");
}

/// A page of another site can make a browser send a form, or text, but no JSON without asking.
std::optional<Answer> refuse_type(const Route& route, const Request& request) {
  if (route.body != Body::json || request.body.empty()) return std::nullopt;
  if (is_json(request.headers.get("content-type"))) return std::nullopt;
  return error_answer(415, "the body is not JSON", "send it with Content-Type: application/json");
}

void leave_out_what_is_known(const Request& request, Answer& answer) {
  if (answer.status != 200) return;
  if (request.method != Method::get && request.method != Method::head) return;
  const auto tag = answer.headers.find("ETag");
  const auto known = request.headers.find("if-none-match");
  if (!tag || !known || !names_tag(*known, *tag)) return;
  answer.status = 304;
  answer.body.clear();
}

}  // namespace

Answer answer_api(Services& services, const Route& route, const Request& request) {
  if (auto refusal = refuse_type(route, request)) return std::move(*refusal);
  const auto call = [&] { return route.handler(services, request); };
  const auto key = request.headers.find("idempotency-key");
  Answer answer =
      key && route.keyed == Keyed::yes ? services.keys.answer(request, *key, call) : call();
  leave_out_what_is_known(request, answer);
  return answer;
}

json::object body_object(const Request& request) {
  if (trim(request.body).empty()) return {};
  auto object = parse_json_object(request.body);
  if (!object) throw Error(Errc::invalid, "the body " + object.error().message());
  return std::move(*object);
}

void require_empty_body(const Request& request) {
  const json::object object = body_object(request);
  if (const auto problem = api::Body(object).problem()) throw Error(*problem);
}

Answer object_answer(const json::object& object, unsigned status) {
  Answer answer;
  answer.status = status;
  answer.body = pretty(object);
  return answer;
}

void add_tag(Answer& answer, Keeping keeping) {
  answer.headers.add("ETag", tag_of(answer.body));
  if (keeping == Keeping::allowed) answer.headers.add("Cache-Control", "private, no-cache");
}

Answer tagged_answer(const json::object& object, Keeping keeping) {
  Answer answer = object_answer(object);
  add_tag(answer, keeping);
  return answer;
}

Answer created_answer(const json::object& object, std::string location) {
  Answer answer = object_answer(object, 201);
  answer.headers.add("Location", std::move(location));
  add_tag(answer, Keeping::forbidden);
  return answer;
}

Answer no_content() {
  Answer answer;
  answer.status = 204;
  return answer;
}

std::optional<Answer> refuse_if_changed(const Request& request, const json::object& current) {
  const auto wanted = request.headers.find("if-match");
  if (!wanted || names_tag(*wanted, tag_of(pretty(current)))) return std::nullopt;
  return error_answer(412, "it is no longer what you have seen", "look at it again: GET");
}

Answer page_answer(const Request& request, const json::object& page, std::string_view next) {
  Answer answer = tagged_answer(page);
  if (next.empty()) return answer;
  api::QueryEntries query = query_of(request);
  api::take_entry(query, "cursor");
  query.emplace_back("cursor", next);
  std::string path;
  for (const std::string& part : request.target.path) path += "/" + percent_encoded(part);
  answer.headers.add("Link", "<" + path + api::query_text(query) + ">; rel=\"next\"");
  return answer;
}

api::QueryEntries query_of(const Request& request) { return request.target.query.entries(); }

void require_all_apps(const Request& request) {
  if (!request.principal.app) return;
  throw Error(Errc::denied, "this token is for app " + request.principal.app->str() + " alone");
}

bool may_see(const Request& request, const AppName& app) {
  return !request.principal.app || *request.principal.app == app;
}

BuildId build_of(Services& services, const Request& request) {
  return services.rack.resolve_build(request.app(), request.argument("build"));
}

}  // namespace cooper::server
