#include "build/image_key.h"

#include "base/file.h"
#include "base/sha256.h"
#include "manifest/dockerfile.h"
#include "source/ignore.h"
#include "source/tree_digest.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>

namespace cooper::build {
namespace fs = std::filesystem;

namespace {

/// Changes whenever the key's own form does.
constexpr std::string_view kForm = "cooper image key 2";

/// Hashes texts so that no two lists of texts give the same bytes.
class Fields {
 public:
  void add(std::string_view name, std::initializer_list<std::string_view> values) {
    hash_.update(name);
    for (const std::string_view value : values) {
      hash_.update(":" + std::to_string(value.size()) + ":");
      hash_.update(value);
    }
    hash_.update("\n");
  }
  std::string digest() { return hex(hash_.finish()); }

 private:
  Sha256 hash_;
};

/// The ignore file of the Dockerfile's own, which may lie outside of the context.
fs::path own_ignore_file(const engine::ImageRequest& request) {
  return request.dockerfile.string() + ".dockerignore";
}

/// Which files of the context an engine sees. See origin_of().
source::TreeFilter filter_of(const engine::ImageRequest& request) {
  std::error_code ignored;
  if (fs::exists(own_ignore_file(request), ignored) ||
      fs::exists(request.context / ".containerignore", ignored)) {
    return {};
  }
  // What can't be read is the engine's to refuse.
  Result<source::IgnoreRules> rules = source::read_ignore_rules(request.context);
  if (!rules) return {};
  return {.exclude = std::move(*rules)};
}

/// nullopt if one of them is not known.
std::optional<std::vector<BaseImage>> bases_of(const engine::ImageRequest& request,
                                               std::string_view dockerfile,
                                               engine::Engine& engine) {
  const auto facts = manifest::parse_dockerfile(dockerfile);
  if (!facts || facts->asks_engine) return std::nullopt;
  const auto images = manifest::images_read(*facts, request.build_args);
  if (!images) return std::nullopt;
  std::vector<BaseImage> bases;
  for (const std::string& image : *images) {
    const std::size_t at = image.find("@sha256:");
    auto digest =
        at != std::string::npos ? std::optional(image.substr(at + 1)) : engine.base_digest(image);
    if (!digest) return std::nullopt;
    bases.emplace_back(image, *std::move(digest));
  }
  return bases;
}

std::string context_digest(const engine::ImageRequest& request, const SourceFiles& source,
                           std::stop_token stop) {
  source::TreeFilter filter = filter_of(request);
  std::error_code ignored;
  // Tens of thousands of files need not be looked at once more.
  if (filter.exclude.empty() && !source.tree.empty() &&
      fs::equivalent(request.context, source.folder, ignored)) {
    return source.tree;
  }
  const source::TreeDigest tree = source::tree_digest(
      {.root = request.context, .filter = std::move(filter), .known = &source.digests},
      std::move(stop));
  return hex(tree.digest);
}

}  // namespace

std::optional<ImageOrigin> origin_of(const engine::ImageRequest& request, engine::Engine& engine,
                                     const SourceFiles& source, std::stop_token stop) {
  if (!request.base_image.empty() || !request.archive.empty()) return std::nullopt;
  // What a frontend from a registry does, and which base another platform takes, the
  // engine alone knows.
  if (!request.frontend.empty() || !request.platform.empty()) return std::nullopt;
  const auto dockerfile = read_file(request.dockerfile);
  if (!dockerfile) return std::nullopt;
  auto bases = bases_of(request, *dockerfile, engine);
  if (!bases) return std::nullopt;

  ImageOrigin origin{.context = context_digest(request, source, std::move(stop)),
                     .dockerfile = hex(sha256(*dockerfile)),
                     .bases = *std::move(bases)};
  Fields fields;
  fields.add(kForm, {});
  fields.add("engine", {engine.name()});
  fields.add("context", {origin.context});
  fields.add("dockerfile", {origin.dockerfile});
  fields.add("ignored", {read_file(own_ignore_file(request)).value_or("")});
  fields.add("target", {request.target});
  for (const auto& [name, value] : request.build_args) fields.add("arg", {name, value});
  for (const auto& [reference, digest] : origin.bases) fields.add("base", {reference, digest});
  origin.key = fields.digest();
  return origin;
}

}  // namespace cooper::build
