#include "server/router.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace cooper::server {

namespace {

using Arguments = std::map<std::string, std::string, std::less<>>;

/// One part of the pattern against one of the path.
bool matches_part(std::string_view pattern, std::string_view part, Arguments& arguments) {
  const std::size_t close = pattern.find('}');
  if (!pattern.starts_with('{') || close == std::string_view::npos) return pattern == part;
  const std::string_view suffix = pattern.substr(close + 1);
  if (!part.ends_with(suffix) || part.size() == suffix.size()) return false;
  arguments[std::string(pattern.substr(1, close - 1))] =
      part.substr(0, part.size() - suffix.size());
  return true;
}

std::optional<Arguments> matches(std::string_view pattern, const std::vector<std::string>& path) {
  Arguments arguments;
  std::size_t at = 0;
  pattern.remove_prefix(1);
  if (pattern.empty()) return path.empty() ? std::optional(arguments) : std::nullopt;
  for (const std::string_view part : split(pattern, '/')) {
    if (at >= path.size()) return std::nullopt;
    if (part.ends_with("*}")) {
      arguments[std::string(part.substr(1, part.size() - 3))] =
          join(std::span(path).subspan(at), "/");
      return arguments;
    }
    if (!matches_part(part, path[at++], arguments)) return std::nullopt;
  }
  return at == path.size() ? std::optional(arguments) : std::nullopt;
}

}  // namespace

Match Router::find(Request& request) const {
  Match match;
  const auto fits = [&](Method wanted) {
    for (const std::span<const Route> table : tables_) {
      for (const Route& route : table) {
        if (route.method != wanted && match.path_exists) continue;
        auto arguments = matches(route.pattern, request.target.path);
        if (!arguments) continue;
        match.path_exists = true;
        if (route.method != wanted) continue;
        request.arguments = std::move(*arguments);
        match.route = &route;
        return true;
      }
    }
    return false;
  };
  if (!fits(request.method) && request.method == Method::head) fits(Method::get);
  return match;
}

std::string Router::allowed(const Request& request) const {
  constexpr std::array<std::pair<Method, std::string_view>, 5> kNames = {
      std::pair{Method::get, "GET, HEAD"},
      {Method::post, "POST"},
      {Method::put, "PUT"},
      {Method::patch, "PATCH"},
      {Method::del, "DELETE"}};
  std::vector<std::string> names;
  for (const auto& [method, name] : kNames) {
    const auto fits = [&, wanted = method](const Route& route) {
      return route.method == wanted && matches(route.pattern, request.target.path);
    };
    if (std::ranges::any_of(tables_, [&](const std::span<const Route>& table) {
          return std::ranges::any_of(table, fits);
        })) {
      names.emplace_back(name);
    }
  }
  return join(names, ", ");
}

bool may_call(const Principal& principal, const Route& route, const Request& request) {
  if (principal.role < route.role) return false;
  if (route.role == Role::nobody || !principal.app) return true;
  const auto app = request.arguments.find("app");
  // What concerns no single app, somebody with one may look at, and the handler shows that one.
  if (app == request.arguments.end()) return route.role == Role::read;
  return app->second == principal.app->str();
}

}  // namespace cooper::server
