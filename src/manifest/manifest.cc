#include "manifest/manifest.h"

#include "base/text.h"
#include "manifest/document.h"

#include <algorithm>
#include <array>
#include <filesystem>

namespace cooper::manifest {

namespace {

/// Every section that Convox knows, and those of manifests seen in the wild.
const std::array<std::string, 10> kTopLevelKeys = {
    "appSettings", "balancers", "budget",    "configs",  "environment",
    "labels",      "params",    "resources", "services", "timers"};
const std::array<std::string, 3> kBuildKeys = {"path", "manifest", "args"};
/// What a build takes of a service; what else stands there is none of its business, unless it was
/// meant to be one of these.
const std::array<std::string, 4> kServiceKeys = {"build", "environment", "image", "manifest"};

constexpr std::string_view kPathHint =
    "paths are relative to the folder with the source; \".\" is that folder itself";

std::string known_keys_hint(std::string_view key, std::span<const std::string> known) {
  if (const std::optional<std::string> meant = nearest(key, known)) {
    return "did you mean \"" + *meant + "\"?";
  }
  return "known keys: " + join(known, ", ");
}

/// The normal form of `text` seen from `base` (normal itself); nullopt if that
/// is no place beneath the root that `base` starts from.
std::optional<std::string> path_beneath(std::string_view base, std::string_view text) {
  if (text.starts_with('/') || printable(text) != text) return std::nullopt;
  const auto path = normal_path(std::string(base) + "/" + std::string(text));
  if (!path) return std::nullopt;
  return path->empty() ? "." : *path;
}

/// `sha256:1a2b...`, or the short form that engines print.
bool is_image_id(std::string_view text) {
  constexpr std::string_view kAlgorithm = "sha256:";
  if (text.starts_with(kAlgorithm)) text.remove_prefix(kAlgorithm.size());
  return text.size() >= 12 && text.size() <= 64 &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// Turns the tree into a Manifest.
class Reader {
 public:
  Reader(std::string_view text, const ParseOptions& options) : text_(text), options_(options) {}

  Result<Manifest> read(const Node& root) const {
    if (root.kind != Node::Kind::map) {
      return error(root, "expected a map with \"services\", found " + describe(root),
                   "a manifest begins with \"services:\" and has a name for each service below it");
    }
    for (const auto& [key, value] : merged_entries(root)) {
      if (std::ranges::find(kTopLevelKeys, key->text) == kTopLevelKeys.end()) {
        return error(*key, "unknown top-level key " + describe(*key),
                     known_keys_hint(key->text, kTopLevelKeys));
      }
    }
    Manifest manifest;
    Result<std::vector<Variable>> environment = read_variables(root, "environment");
    if (!environment) return environment.error();
    manifest.environment = entries_of(*std::move(environment));
    const auto [key, services] = find_entry(root, "services");
    if (services != nullptr && !services->is_blank() && services->kind != Node::Kind::map) {
      return error(*services, "expected a map for \"services\", found " + describe(*services),
                   "give each service a name, with what it needs below it");
    }
    if (services != nullptr) {
      for (const Node::Entry& entry : merged_entries(*services)) {
        Result<Service> service = read_service(entry);
        if (!service) return service.error();
        manifest.services.push_back(*std::move(service));
      }
    }
    if (manifest.services.empty()) {
      return error(key == nullptr ? root : *key,
                   "expected at least one service under \"services\", found none",
                   "the shortest manifest is \"services: {web: {build: .}}\"");
    }
    return manifest;
  }

 private:
  using Variable = std::pair<std::string, std::optional<std::string>>;

  Error error(const Node& where, std::string_view message, std::string_view hint) const {
    return error_at(options_, text_, where.line, where.column, message, std::string(hint));
  }

  Result<Service> read_service(const Node::Entry& entry) const {
    const auto& [key, body] = entry;
    Result<ServiceName> name = ServiceName::parse(key->text);
    if (!name) return error(*key, name.error().message(), name.error().hint());
    Service service{.name = *std::move(name), .line = key->line, .column = key->column};
    if (body->is_blank()) return service;
    if (body->kind != Node::Kind::map) {
      return error(*body,
                   "expected a map for service " + describe(*key) + ", found " + describe(*body),
                   "put what the service needs on lines of their own below its name");
    }
    for (const auto& [entry_key, value] : merged_entries(*body)) {
      const std::string& text = entry_key->text;
      const bool is_known = std::ranges::find(kServiceKeys, text) != kServiceKeys.end();
      if (!options_.refuses_mistyped || is_known || text.starts_with("x-")) continue;
      const auto meant = nearest(text, kServiceKeys);
      if (!meant) continue;
      return error(*entry_key, "unknown key " + describe(*entry_key) + " of a service",
                   "did you mean \"" + *meant + "\"?");
    }
    Result<std::vector<Variable>> environment = read_variables(*body, "environment");
    if (!environment) return environment.error();
    service.environment = entries_of(*std::move(environment));
    Result<const Node*> image = read_text(*body, "image");
    if (!image) return image.error();
    if (*image != nullptr) return with_image(std::move(service), **image);
    return with_build(std::move(service), *body);
  }

  Result<Service> with_image(Service service, const Node& image) const {
    if (image.text.find(' ') != std::string::npos || image.text.starts_with('-') ||
        printable(image.text) != image.text) {
      return error(image, "expected the name of an image for \"image\", found " + describe(image),
                   "an image is named like ubuntu:22.04 or registry.example.com/team/api:v1");
    }
    if (is_image_id(image.text)) {
      return error(image,
                   "expected the name of an image for \"image\", found the id " + describe(image),
                   "name the image: repository:tag; one that had no name would go with this build");
    }
    service.image = image.text;
    return service;
  }

  Result<Service> with_build(Service service, const Node& body) const {
    const Node* const build = find_entry(body, "build").second;
    const Node* path = build;
    // Beside `build:` as in Convox's documentation; the one inside wins.
    Result<const Node*> dockerfile = read_text(body, "manifest");
    if (!dockerfile) return dockerfile.error();
    if (build != nullptr && build->kind == Node::Kind::list) {
      return error(*build, "expected a path or a map for \"build\", found a list",
                   "write \"build: .\" or \"build: {path: ., manifest: Dockerfile}\"");
    }
    if (build != nullptr && build->kind == Node::Kind::map) {
      for (const auto& [key, value] : merged_entries(*build)) {
        if (std::ranges::find(kBuildKeys, key->text) != kBuildKeys.end()) continue;
        return error(*key, "unknown key " + describe(*key) + " in \"build\"",
                     build_key_hint(key->text));
      }
      Result<const Node*> inner_path = read_text(*build, "path");
      if (!inner_path) return inner_path.error();
      path = *inner_path;
      Result<const Node*> inner_dockerfile = read_text(*build, "manifest");
      if (!inner_dockerfile) return inner_dockerfile.error();
      if (*inner_dockerfile != nullptr) dockerfile = inner_dockerfile;
      Result<std::vector<Variable>> args = read_variables(*build, "args");
      if (!args) return args.error();
      service.args = *std::move(args);
    }
    return with_paths(std::move(service), path, *dockerfile);
  }

  Result<Service> with_paths(Service service, const Node* path, const Node* dockerfile) const {
    if (path != nullptr && !path->is_blank()) {
      const std::optional<std::string> normal = path_beneath(".", path->text);
      if (!normal) {
        return error(*path, "expected a path inside the source folder, found " + describe(*path),
                     kPathHint);
      }
      service.path = *normal;
    }
    if (dockerfile != nullptr) {
      const std::optional<std::string> normal = path_beneath(service.path, dockerfile->text);
      if (!normal || *normal == "." || *normal == service.path) {
        return error(*dockerfile,
                     "expected a Dockerfile inside the source folder for \"manifest\", found " +
                         describe(*dockerfile),
                     "\"manifest\" names the Dockerfile, seen from the path of \"build\"");
      }
      service.dockerfile = std::filesystem::path(*normal).lexically_relative(service.path).string();
    }
    return service;
  }

  /// Habits from docker compose get the name that Convox has for the thing.
  static std::string build_key_hint(std::string_view key) {
    if (key == "dockerfile") return "Convox calls the Dockerfile's name \"manifest\"";
    if (key == "context") return "Convox calls the folder \"path\"";
    return known_keys_hint(key, kBuildKeys);
  }

  /// The text for `key`; nullptr if there is none or a blank one.
  Result<const Node*> read_text(const Node& map, std::string_view key) const {
    const Node* const value = find_entry(map, key).second;
    if (value == nullptr || value->is_blank()) return static_cast<const Node*>(nullptr);
    if (value->kind == Node::Kind::text) return value;
    return error(*value,
                 "expected a text for \"" + std::string(key) + "\", found " + describe(*value),
                 "write it on the same line, after \"" + std::string(key) + ": \"");
  }

  /// A list of `NAME` and `NAME=value` (lists in it are flattened, blank items
  /// skipped, as in Convox), or a map. Absent and blank: empty.
  Result<std::vector<Variable>> read_variables(const Node& map, std::string_view key) const {
    std::vector<Variable> variables;
    const Node* const value = find_entry(map, key).second;
    if (value == nullptr || value->is_blank()) return variables;
    if (value->kind == Node::Kind::text) {
      return error(*value,
                   "expected a list for \"" + std::string(key) + "\", found " + describe(*value),
                   "write each name on a line of its own, after \"- \"");
    }
    std::optional<Error> wrong = value->kind == Node::Kind::list ? append_list(variables, *value)
                                                                 : append_map(variables, *value);
    if (wrong) return *std::move(wrong);
    return variables;
  }

  std::optional<Error> append_list(std::vector<Variable>& variables, const Node& list) const {
    for (const Node* item : list.items) {
      if (item->is_blank()) continue;
      std::optional<Error> wrong;
      if (item->kind == Node::Kind::list) {
        wrong = append_list(variables, *item);
      } else if (item->kind == Node::Kind::map) {
        wrong =
            error(*item, "expected NAME or NAME=value, found a map",
                  "write NAME=value; a value with \": \" in it needs quotes around the whole item");
      } else {
        const std::size_t equals = item->text.find('=');
        std::optional<std::string> value;
        if (equals != std::string::npos) value = item->text.substr(equals + 1);
        wrong = append(variables, item->text.substr(0, equals), std::move(value), *item);
      }
      if (wrong) return wrong;
    }
    return std::nullopt;
  }

  std::optional<Error> append_map(std::vector<Variable>& variables, const Node& map) const {
    for (const auto& [key, value] : merged_entries(map)) {
      if (value->kind == Node::Kind::list || value->kind == Node::Kind::map) {
        return error(*value,
                     "expected a text for " + describe(*key) + ", found " + describe(*value),
                     "a variable has one text as its value");
      }
      std::optional<std::string> text;
      if (value->kind == Node::Kind::text) text = value->text;
      if (std::optional<Error> wrong = append(variables, key->text, std::move(text), *key))
        return wrong;
    }
    return std::nullopt;
  }

  std::optional<Error> append(std::vector<Variable>& variables, std::string name,
                              std::optional<std::string> value, const Node& where) const {
    const bool well_formed = !name.empty() && printable(name) == name &&
                             name.find_first_of(" =\"'") == std::string::npos;
    if (!well_formed || (value && value->find('\0') != std::string::npos)) {
      return error(
          where, "expected NAME or NAME=value, found " + describe(where),
          "a name has no spaces and no quotes; only what follows the first \"=\" may have them");
    }
    variables.emplace_back(std::move(name), std::move(value));
    return std::nullopt;
  }

  static std::vector<EnvironmentEntry> entries_of(std::vector<Variable> variables) {
    std::vector<EnvironmentEntry> entries;
    entries.reserve(variables.size());
    for (Variable& variable : variables) {
      entries.push_back(
          {.name = std::move(variable.first), .default_value = std::move(variable.second)});
    }
    return entries;
  }

  std::string_view text_;
  const ParseOptions& options_;
};

}  // namespace

Result<Manifest> parse_manifest(std::string_view text, const ParseOptions& options) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const Result<Document> document = read_document(text, options);
  if (!document) return document.error();
  return Reader(text, options).read(*document->root);
}

Manifest default_manifest() {
  return Manifest{.services = {Service{.name = ServiceName::parse("web").value()}}};
}

}  // namespace cooper::manifest
