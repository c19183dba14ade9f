#pragma once
// What the routes of /v1 have in common: JSON in and out, entity tags, pages, problem details.

#include "api/build_query.h"
#include "api/list.h"
#include "server/request.h"
#include "server/router.h"
#include "server/services.h"

#include <boost/json.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace cooper::server {

/// Calls the route's handler as /v1 promises: bodies are JSON, `Idempotency-Key` is heeded where
/// the route is Keyed::yes, and what a client has already (`If-None-Match`) is not sent again.
Answer answer_api(Services& services, const Route& route, const Request& request);

/// The body as an object; empty if there is none. Error{invalid}.
boost::json::object body_object(const Request& request);

/// Of requests whose body may be empty or `{}`. Error{invalid} for more.
void require_empty_body(const Request& request);

/// The object, indented.
Answer object_answer(const boost::json::object& object, unsigned status = 200);
/// May whoever asked keep the answer, to ask with its tag again? Not if it is full of secrets.
enum class Keeping { allowed, forbidden };
/// Adds the entity tag of its body.
void add_tag(Answer& answer, Keeping keeping = Keeping::allowed);
/// With its entity tag.
Answer tagged_answer(const boost::json::object& object, Keeping keeping = Keeping::allowed);
/// 201 with `Location`, and the tag.
Answer created_answer(const boost::json::object& object, std::string location);
/// 204
Answer no_content();

/// 412 if the client has said (`If-Match`) that it means another state than this one, which GET
/// shows.
std::optional<Answer> refuse_if_changed(const Request& request, const boost::json::object& current);

/// The answer that holds a page; `next`, if there is one, is also a `Link` to the same with that
/// cursor.
template <class T, class ToValue>
Answer list_answer(const Request& request, const api::List<T>& list, const ToValue& to_value);
Answer page_answer(const Request& request, const boost::json::object& page, std::string_view next);

/// The request's parameters, to be taken out one by one (api/build_query.h).
api::QueryEntries query_of(const Request& request);

/// Of what concerns the host or all apps: Error{denied} for somebody who has but one app.
void require_all_apps(const Request& request);
/// May this principal see that app?
bool may_see(const Request& request, const AppName& app);

/// `{build}` of the path: an id, a unique beginning of one, current, last or last-failed.
BuildId build_of(Services& services, const Request& request);

/// See above.
template <class T, class ToValue>
Answer list_answer(const Request& request, const api::List<T>& list, const ToValue& to_value) {
  return page_answer(request, api::to_object(list, to_value), list.next);
}

}  // namespace cooper::server
