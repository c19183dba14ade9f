#include "build/provenance.h"

#include "base/fd.h"
#include "base/sha256.h"
#include "base/text.h"

#include <boost/json.hpp>

#include <fcntl.h>

namespace cooper::build {
namespace json = boost::json;

namespace {

constexpr std::string_view kBuildType = "urn:cooper:build:1";

json::object digest_of(std::string_view digest) {
  constexpr std::string_view kAlgorithm = "sha256:";
  if (digest.starts_with(kAlgorithm)) digest.remove_prefix(kAlgorithm.size());
  return {{"sha256", digest}};
}

json::array subjects(const ProvenanceFacts& facts) {
  json::array subjects;
  const bool has_images = facts.outcome.status == Status::succeeded;
  for (const PlannedService& service : facts.plan.services) {
    if (!has_images) break;  // what it made is removed again
    subjects.push_back(json::object{{"name", service.reference},
                                    {"digest", digest_of(facts.images[service.image].digest)}});
  }
  for (const auto& [service, image] : facts.outcome.pushed) {
    const std::size_t at = image.rfind('@');
    subjects.push_back(
        json::object{{"name", image.substr(0, at)}, {"digest", digest_of(image.substr(at + 1))}});
  }
  return subjects;
}

/// What whoever started the build chose.
json::object external_parameters(const ProvenanceFacts& facts) {
  json::array arguments;
  for (const auto& [name, value] : facts.request.build_args) arguments.emplace_back(name);
  json::object parameters{{"app", facts.app.str()},
                          {"manifest", facts.plan.manifest_file.empty() ? facts.request.manifest
                                                                        : facts.plan.manifest_file},
                          {"buildArguments", std::move(arguments)},
                          {"noCache", facts.request.no_cache},
                          {"development", facts.request.development},
                          {"platform", facts.request.platform}};
  if (!facts.request.image.empty()) parameters["image"] = facts.request.image;
  return parameters;
}

json::array services_of(const Plan& plan, std::size_t image) {
  json::array names;
  for (const PlannedService& service : plan.services) {
    if (service.image == image) names.emplace_back(service.name.str());
  }
  return names;
}

json::object image_of(const ProvenanceFacts& facts, std::size_t index) {
  const engine::ImageRequest& request = facts.plan.images[index];
  const ImageFacts& image = facts.images[index];
  json::object object{{"services", services_of(facts.plan, index)},
                      {"reference", request.tags.front()}};
  if (!image.digest.empty()) {
    object["digest"] = image.digest;
    object["madeBy"] = image.made_by;
  }
  if (!request.target.empty()) object["target"] = request.target;
  if (!request.base_image.empty()) object["image"] = request.base_image;
  if (image.origin) {
    object["context"] = image.origin->context;
    object["dockerfile"] = image.origin->dockerfile;
    if (!image.origin->key.empty()) object["key"] = image.origin->key;
  }
  return object;
}

json::array dependencies(const ProvenanceFacts& facts) {
  json::array list;
  if (!facts.source.empty()) {
    list.push_back(json::object{{"name", "source"}, {"digest", digest_of(facts.source)}});
  }
  if (!facts.request.git_sha.empty()) {
    list.push_back(json::object{{"name", "commit"},
                                {"digest", json::object{{"gitCommit", facts.request.git_sha}}}});
  }
  std::map<std::string, std::string> bases;
  for (std::size_t i = 0; i < facts.images.size(); ++i) {
    if (facts.images[i].origin) {
      bases.insert(facts.images[i].origin->bases.begin(), facts.images[i].origin->bases.end());
    }
    const std::string& base = facts.plan.images[i].base_image;
    if (!base.empty() && !facts.images[i].digest.empty()) {
      bases.emplace(base, facts.images[i].digest);
    }
  }
  for (const auto& [reference, digest] : bases) {
    list.push_back(json::object{{"name", reference}, {"digest", digest_of(digest)}});
  }
  return list;
}

json::array images(const ProvenanceFacts& facts) {
  json::array list;
  for (std::size_t i = 0; i < facts.images.size(); ++i) list.push_back(image_of(facts, i));
  return list;
}

}  // namespace

std::string digest_of_file(const std::filesystem::path& path) {
  const Fd file = open_file(path, O_RDONLY);
  std::string buffer(std::size_t{256} << 10, '\0');
  Sha256 hash;
  for (ssize_t n = 0; (n = read_some(file.get(), buffer)) > 0;) {
    hash.update({buffer.data(), static_cast<std::size_t>(n)});
  }
  return hex(hash.finish());
}

std::string to_statement(const ProvenanceFacts& facts) {
  const json::object definition{{"buildType", kBuildType},
                                {"externalParameters", external_parameters(facts)},
                                {"internalParameters", json::object{{"images", images(facts)}}},
                                {"resolvedDependencies", dependencies(facts)}};
  const json::object builder{
      {"id", "urn:cooper"},
      {"version", json::object{{"cooper", COOPER_VERSION}, {"engine", facts.engine}}}};
  const json::object metadata{{"invocationId", facts.id.str()},
                              {"startedOn", to_rfc3339({facts.started})},
                              {"finishedOn", to_rfc3339({facts.finished})}};
  const json::object outcome{{"status", to_string(facts.outcome.status)},
                             {"exitCode", facts.outcome.exit_code}};
  const json::object statement{
      {"_type", "https://in-toto.io/Statement/v1"},
      {"subject", subjects(facts)},
      {"predicateType", "https://slsa.dev/provenance/v1"},
      {"predicate", json::object{{"buildDefinition", definition},
                                 {"runDetails", json::object{{"builder", builder},
                                                             {"metadata", metadata},
                                                             {"outcome", outcome}}}}}};
  return json::serialize(statement) + "\n";
}

std::map<std::string, EarlierImage> images_by_key(std::string_view statement, std::string_view id,
                                                  Time since) {
  std::map<std::string, EarlierImage> found;
  try {
    const json::value value = json::parse(statement);
    const json::value& run = value.at_pointer("/predicate/runDetails");
    const auto started = parse_rfc3339(run.at_pointer("/metadata/startedOn").as_string());
    const bool has_images =
        run.at_pointer("/outcome/status").as_string() == to_string(Status::succeeded);
    const bool is_of_build = run.at_pointer("/metadata/invocationId").as_string() == id;
    if (!is_of_build || !started || started->at < since || !has_images) return found;
    for (const json::value& image :
         value.at_pointer("/predicate/buildDefinition/internalParameters/images").as_array()) {
      if (!image.as_object().contains("key")) continue;
      const auto text = [&](std::string_view field) {
        return std::string(image.at(field).as_string());
      };
      found[text("key")] = {text("reference"), text("digest"), text("madeBy")};
    }
  } catch (const std::exception&) {  // adapter: Boost.JSON; somebody else's statement
  }
  return found;
}

}  // namespace cooper::build
