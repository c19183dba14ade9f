#include "server/build_options.h"

#include "base/text.h"
#include "model/environment.h"

#include <algorithm>

namespace cooper::server {

namespace {

constexpr std::string_view kObject = "object://";

bool begins_variable(std::string_view text) {
  const std::size_t equals = text.find('=');
  return equals != std::string_view::npos && is_variable_name(text.substr(0, equals));
}

/// One text that holds several, as the client joins lists.
std::vector<std::string> taken_apart(std::string_view text) {
  std::vector<std::string> parts;
  for (const std::string_view part : split(text, ',')) {
    if (parts.empty() || begins_variable(part)) {
      parts.emplace_back(part);
    } else {
      parts.back() += "," + std::string(part);
    }
  }
  return parts;
}

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> parse_build_args(
    const std::vector<std::string_view>& texts) {
  std::vector<std::string> words;
  if (texts.size() == 1) {
    words = taken_apart(texts.front());
  } else {
    words.assign(texts.begin(), texts.end());
  }
  std::vector<std::pair<std::string, std::string>> arguments;
  for (const std::string& word : words) {
    if (word.empty()) continue;
    auto argument = parse_variable(word, "build argument " + std::to_string(arguments.size() + 1));
    if (!argument) return argument.error();
    arguments.push_back(std::move(*argument));
  }
  return arguments;
}

build::BuildRequest build_request_of(const Request& request) {
  build::BuildRequest wanted;
  wanted.description = request.option("description");
  wanted.git_sha = request.option("git-sha");
  wanted.manifest = request.option("manifest");
  // Clients always send their default; a source may have a Dockerfile alone.
  if (wanted.manifest == "convox.yml") wanted.manifest.clear();
  wanted.no_cache = request.flag("no-cache");
  wanted.development = request.flag("development");
  wanted.build_args = parse_build_args(request.form.all("build-args")).value();
  return wanted;
}

Result<std::pair<std::string, std::string>> parse_object_url(std::string_view url) {
  const std::string_view rest = url.substr(std::min(kObject.size(), url.size()));
  const std::size_t slash = rest.find('/');
  if (!url.starts_with(kObject) || slash == std::string_view::npos) {
    return Error(Errc::invalid, "url is no object's",
                 "store the source first: POST /apps/APP/objects/tmp/NAME.tgz answers its url");
  }
  return std::pair(std::string(rest.substr(0, slash)), std::string(rest.substr(slash + 1)));
}

}  // namespace cooper::server
