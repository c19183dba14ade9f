#include "server/exchange.h"

#include "base/ascii.h"
#include "base/random.h"
#include "base/text.h"
#include "server/api_answers.h"
#include "server/audit_trail.h"
#include "server/login.h"
#include "server/problem_answer.h"
#include "server/spawn.h"

#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <exception>
#include <type_traits>

namespace cooper::server {

namespace {

std::optional<Method> parse_method(std::string_view text) {
  if (text == "GET") return Method::get;
  if (text == "HEAD") return Method::head;
  if (text == "POST") return Method::post;
  if (text == "PUT") return Method::put;
  if (text == "PATCH") return Method::patch;
  if (text == "DELETE") return Method::del;
  return std::nullopt;
}

/// "host:port" without its port.
std::string_view host_of(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
  return authority.substr(0, authority.find(':'));
}

/// (127.0.0.1.evil.example is a name like any other.)
bool is_local_host(std::string_view host) {
  in_addr address{};
  const bool is_number = ::inet_pton(AF_INET, std::string(host).c_str(), &address) == 1;
  if (is_number) return (ntohl(address.s_addr) >> 24) == 127;
  return is_same_word(host, "localhost") || host == "[::1]";
}

/// A page of another site must not act in the name of a browser's user, nor, by a name that leads
/// here, read what we answer (DNS rebinding).
std::optional<Answer> foreign_site(const Services& services, const Request& request) {
  const std::string_view host = request.headers.get("host");
  if (services.local_only && !is_local_host(host_of(host))) {
    return error_answer(403, "this server is for its own host alone",
                        "call it by 127.0.0.1, [::1] or localhost");
  }
  std::string_view origin = request.headers.get("origin");
  if (origin.empty()) return std::nullopt;
  const std::size_t begin = origin.find("://");
  if (begin != std::string_view::npos) origin.remove_prefix(begin + 3);
  origin = origin.substr(0, origin.find('/'));
  if (const std::size_t at = origin.rfind('@'); at != std::string_view::npos) {
    origin.remove_prefix(at + 1);  // of clients whose endpoint has credentials
  }
  if (is_same_word(origin, host)) return std::nullopt;
  return error_answer(403, "a page of another site can't do this");
}

Answer refuse_method(const Services& services, const Head& head, const Request& request) {
  Answer answer = error_answer(405, "this can't be done with " + head.method);
  answer.headers.add("Allow", services.router.allowed(request));
  return answer;
}

/// No header of ours may be two.
std::string one_line(std::string_view value) {
  std::string line(value);
  std::ranges::replace_if(
      line, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return line;
}

/// A proxy's own id for it goes on, if it can harm no line.
bool is_request_id(std::string_view text) {
  return text.size() >= 8 && text.size() <= 64 && is_made_of_letters(text, "-_.");
}

/// Whose request it is, and what it is called.
void take_from_proxy(const Services& services, Request& request) {
  const std::string peer = request.remote;
  request.remote = client_address(peer, request.headers.all("x-forwarded-for"), services.proxies);
  const std::string_view id = request.headers.get("x-request-id");
  const bool is_proxy = std::ranges::any_of(
      services.proxies, [&](const AddressBlock& block) { return block.contains(peer); });
  if (is_proxy && is_request_id(id)) request.id = id;
}

std::optional<Answer> find_route(Services& services, const Head& head, Request& request,
                                 Match& match) {
  auto target = parse_target(head.target);
  if (!target) return error_answer(target.error());
  request.target = std::move(*target);
  const auto method = parse_method(head.method);
  if (!method) return error_answer(405, "there is no such method: " + shorten(head.method, 20));
  request.method = head.is_upgrade ? Method::socket : *method;
  if (head.is_http_11 && request.headers.all("host").size() != 1) {
    return error_answer(400, "a request has one Host header");
  }
  if (auto refusal = foreign_site(services, request)) return refusal;
  match = services.router.find(request);
  if (match.route && match.route->role == Role::nobody) return std::nullopt;
  if (auto refusal = log_in(services, request)) return refusal;
  if (!match.route) {
    return match.path_exists ? refuse_method(services, head, request)
                             : error_answer(404, "there is no such route: " + head.method + " " +
                                                     shorten(head.target, 200));
  }
  if (may_call(request.principal, *match.route, request)) return std::nullopt;
  if (AuditTrail::is_change(*match.route)) services.audit.note_refusal(match.route, request, 403);
  return error_answer(403, "these credentials don't allow this");
}

}  // namespace

std::optional<Answer> admit(Services& services, const Head& head, Request& request, Match& match) {
  request.watch = std::make_shared<RequestWatch>(services.metrics, services.request_lines,
                                                 head.method, head.target);
  take_from_proxy(services, request);
  auto refusal = find_route(services, head, request, match);
  request.watch->is_known(request, match.route);
  return refusal;
}

std::uint64_t body_limit(const Limits& limits, Body body) {
  switch (body) {
    case Body::none:
    case Body::form:
    case Body::text:
    case Body::json:
    case Body::small_file:
      return limits.form_bytes;
    case Body::file:
      return limits.file_bytes;
  }
  return 0;
}

namespace {

/// What `work` answers; an error's answer if it throws.
template <class Work>
std::invoke_result_t<Work> answered(Services& services, const Route& route, const Request& request,
                                    const Work& work) {
  try {
    return work();
  } catch (const Error& error) {  // boundary: a request
    if (error.code() == Errc::engine) ++services.metrics.engine_errors;
    if (http_status(error.code()) == 500) {
      log_error("request " + request.id + " to " + std::string(route.pattern) + ": " +
                error.what());
    }
    return error_answer(error);
  } catch (const std::exception& error) {  // boundary: a request; what no layer has made its own
    log_error("request " + request.id + " to " + std::string(route.pattern) + ": " + error.what());
    return error_answer(500, "internal error",
                        "the server's log says more about request " + request.id);
  }
}

}  // namespace

std::optional<Answer> refuse_body(Services& services, const Route& route, const Request& request) {
  return answered(services, route, request, [&]() -> std::optional<Answer> {
    const auto key = request.headers.find("idempotency-key");
    if (!key || !is_api(request) || route.keyed == Keyed::no) return std::nullopt;
    return services.keys.refuse_under_way(request, *key);
  });
}

Answer handle(Services& services, const Route& route, Request& request) {
  Answer answer = answered(services, route, request, [&] {
    if (route.body == Body::form) request.form = parse_form(request.body).value();
    if (is_api(request)) return answer_api(services, route, request);
    return route.handler(services, request);
  });
  if (AuditTrail::is_change(route)) services.audit.note_change(route, request, answer);
  return answer;
}

std::string header_text(const Answer& answer, std::string_view request_id, const Framing& framing) {
  const auto status = static_cast<boost::beast::http::status>(answer.status);
  std::string text = framing.is_http_11 ? "HTTP/1.1 " : "HTTP/1.0 ";
  text += std::to_string(answer.status) + " ";
  const auto reason = boost::beast::http::obsolete_reason(status);
  text.append(reason.data(), reason.size());
  const auto add = [&text](std::string_view name, std::string_view value) {
    text.append("\r\n").append(name).append(": ").append(one_line(value));
  };
  const bool has_no_body = answer.status == 204 || answer.status == 304;
  if (!has_no_body) {
    add("Content-Type", answer.type);
    if (framing.length) {
      add("Content-Length", std::to_string(*framing.length));
    } else if (framing.is_http_11) {
      add("Transfer-Encoding", "chunked");
    }
  }
  add("Connection", framing.keep_alive ? "keep-alive" : "close");
  add("X-Request-Id", request_id);
  // Should a browser ever show it: as what it is, alone, and with nothing of it told elsewhere.
  add("X-Content-Type-Options", "nosniff");
  add("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  add("Cross-Origin-Resource-Policy", "same-origin");
  add("Referrer-Policy", "no-referrer");
  if (!answer.headers.find("Cache-Control")) add("Cache-Control", "no-store");
  for (const auto& [name, value] : answer.headers.entries()) add(name, value);
  return text + "\r\n\r\n";
}

std::string new_request_id() { return random_base36(16); }

}  // namespace cooper::server
