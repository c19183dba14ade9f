#include "build/request.h"

#include "model/json.h"

#include <boost/json.hpp>

namespace cooper::build {
namespace json = boost::json;

std::string to_json(const BuildRequest& request) {
  json::array build_args;
  for (const auto& [name, value] : request.build_args) {
    build_args.push_back(json::object{{"name", name}, {"value", value}});
  }
  return pretty(json::object{{"source", request.source},
                             {"description", request.description},
                             {"git_sha", request.git_sha},
                             {"manifest", request.manifest},
                             {"build_args", std::move(build_args)},
                             {"no_cache", request.no_cache},
                             {"development", request.development},
                             {"jobs", request.jobs}});
}

Result<BuildRequest> parse_request(std::string_view text) {
  boost::system::error_code failure;
  const json::value value = json::parse(text, failure);
  const auto bad = [](const char* what) {
    return Error(Errc::corrupt, std::string("build request: ") + what);
  };
  if (failure || !value.is_object()) return bad("is no JSON object");
  const json::object& object = value.get_object();
  const auto text_of = [](const json::object& from, std::string_view key) {
    const json::value* found = from.if_contains(key);
    return found && found->is_string() ? std::string(found->get_string()) : std::string();
  };
  const auto flag_of = [&](std::string_view key) {
    const json::value* found = object.if_contains(key);
    return found && found->is_bool() && found->get_bool();
  };
  BuildRequest request{.source = text_of(object, "source"),
                       .description = text_of(object, "description"),
                       .git_sha = text_of(object, "git_sha"),
                       .manifest = text_of(object, "manifest"),
                       .no_cache = flag_of("no_cache"),
                       .development = flag_of("development")};
  if (const json::value* jobs = object.if_contains("jobs")) {
    const auto number = jobs->to_number<std::uint32_t>(failure);
    if (failure) return bad("field \"jobs\" is no number");
    request.jobs = number;
  }
  const json::value* build_args = object.if_contains("build_args");
  if (!build_args || !build_args->is_array()) return bad("field \"build_args\" is no list");
  for (const json::value& entry : build_args->get_array()) {
    if (!entry.is_object()) return bad("a build argument is no object");
    request.build_args.emplace_back(text_of(entry.get_object(), "name"),
                                    text_of(entry.get_object(), "value"));
  }
  return request;
}

}  // namespace cooper::build
