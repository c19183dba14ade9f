#include "bundle/build_facts.h"

#include "base/text.h"
#include "model/json.h"

#include <boost/json.hpp>

namespace cooper::bundle {
namespace json = boost::json;

namespace {

constexpr std::string_view kUnset = "0001-01-01T00:00:00Z";  // Go's zero time

}  // namespace

std::string to_build_json(const Build& build, std::string_view manifest) {
  return pretty(json::object{
      {"id", build.id.str()},
      {"app", build.app.str()},
      {"description", valid_utf8(build.description)},
      {"entrypoint", ""},
      {"git-sha", valid_utf8(build.git_sha)},
      {"logs", ""},
      {"manifest", valid_utf8(manifest)},
      {"process", ""},
      {"release", build.release},
      {"reason", ""},
      {"repository", ""},
      {"status", "complete"},
      {"started", to_rfc3339(build.started_at)},
      {"ended", build.finished_at ? to_rfc3339(*build.finished_at) : std::string(kUnset)}});
}

Result<BuildFacts> parse_build_json(std::string_view text) {
  boost::system::error_code failure;
  const json::value value = json::parse(text, failure);
  if (failure || !value.is_object()) {
    return Error(Errc::corrupt, "its build.json is no JSON object");
  }
  std::string wrong;
  const auto text_of = [&](std::string_view key) {
    const json::value* found = value.get_object().if_contains(key);
    if (!found || found->is_null()) return std::string();
    if (found->is_string()) return std::string(found->get_string());
    wrong = key;
    return std::string();
  };
  BuildFacts facts{.app = text_of("app"),
                   .id = text_of("id"),
                   .description = text_of("description"),
                   .git_sha = text_of("git-sha"),
                   .manifest = text_of("manifest")};
  const std::string status = text_of("status");
  if (!wrong.empty()) {
    return Error(Errc::corrupt, "its build.json has a \"" + wrong + "\" that is no string");
  }
  if (!status.empty() && status != "complete") {
    return Error(Errc::invalid,
                 "its build did not succeed: its status is " + shorten(printable(status), 40));
  }
  return facts;
}

std::string to_release_json(const Release& release) {
  json::object images;
  for (const auto& [service, image] : release.images) images[service] = image;
  return pretty(json::object{{"id", release.id.str()},
                             {"app", release.app.str()},
                             {"build", release.build},
                             {"description", release.description},
                             {"created_at", to_rfc3339(release.created_at)},
                             {"manifest", release.manifest},
                             {"images", std::move(images)}});
}

}  // namespace cooper::bundle
