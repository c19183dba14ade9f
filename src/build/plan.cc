#include "build/plan.h"

#include "base/file.h"
#include "base/text.h"
#include "base/time.h"
#include "engine/build_input.h"
#include "manifest/dockerfile.h"
#include "manifest/manifest.h"

#include <algorithm>
#include <array>
#include <optional>
#include <system_error>
#include <tuple>

namespace cooper::build {
namespace fs = std::filesystem;

bool can_name_images(const AppName& app) noexcept {
  constexpr std::size_t kLongest = 63;  // as tags with it, too, stay within their 128
  const std::string& name = app.str();
  const auto is_mark = [](char c) { return c == '.' || c == '-'; };
  if (name.size() > kLongest || is_mark(name.back())) return false;
  const auto beside_a_dot = [&](char a, char b) {
    return is_mark(a) && is_mark(b) && (a == '.' || b == '.');
  };
  return std::ranges::adjacent_find(name, beside_a_dot) == name.end();
}

std::string image_reference(const AppName& app, const ServiceName& service, const BuildId& id) {
  return "localhost/" + app.str() + ":" + service.str() + "." + id.str();
}

namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{4} << 20;

bool is_beneath(const fs::path& path, const fs::path& root) {
  return std::mismatch(root.begin(), root.end(), path.begin(), path.end()).first == root.end();
}

/// The real path of `relative`, symbolic links followed, if it exists and lies
/// in the source: a link that leaves it must never be read on a user's behalf.
Result<fs::path> resolve_inside(const fs::path& source, const fs::path& relative,
                                const std::string& what) {
  std::error_code failure;
  const fs::path named = relative.lexically_normal();
  const std::string shown = "\"" + printable(named.string()) + "\"";
  if (!named.empty() && *named.begin() == "..") {
    return Error(Errc::invalid, what + " " + shown + " leads out of the source",
                 "paths are relative to the folder that is built");
  }
  const fs::path real = fs::canonical(source / relative, failure);
  if (failure) {
    return Error(
        Errc::invalid, what + " " + shown + " was not found",
        "paths are relative to the folder that is built; is it excluded by .dockerignore?");
  }
  if (!is_beneath(real, fs::canonical(source))) {
    return Error(Errc::invalid, what + " " + shown + " leads out of the source by a symbolic link");
  }
  return real;
}

/// The text of a user's file.
Result<std::string> read_text(const fs::path& path, const std::string& what) {
  if (!fs::is_regular_file(path)) return Error(Errc::invalid, what + " is no file");
  if (fs::file_size(path) > kMaxFileBytes) {
    return Error(Errc::invalid, what + " is larger than " + human_bytes(kMaxFileBytes));
  }
  return read_file(path, kMaxFileBytes).value_or("");
}

struct ManifestText {
  std::string file;
  std::optional<std::string> text;  // absent: there is only a Dockerfile
};

Result<ManifestText> find_manifest(const fs::path& source, const std::string& asked_for) {
  const std::string file = asked_for.empty() ? "convox.yml" : asked_for;
  std::error_code ignored;
  if (asked_for.empty() && !fs::exists(fs::symlink_status(source / file, ignored))) {
    if (fs::exists(source / "Dockerfile", ignored)) return ManifestText{"Dockerfile", std::nullopt};
    return Error(Errc::invalid, "there is neither a convox.yml nor a Dockerfile in the source",
                 "run the command in the app's folder, or name the manifest with --manifest");
  }
  if (fs::path(file).is_absolute()) {
    return Error(Errc::invalid, "the manifest \"" + printable(file) + "\" is an absolute path",
                 "name it relative to the folder that is built");
  }
  const Result<fs::path> path = resolve_inside(source, file, "the manifest");
  if (!path) return path.error();
  Result<std::string> text = read_text(*path, "the manifest \"" + printable(file) + "\"");
  if (!text) return text.error();
  return ManifestText{file, std::move(*text)};
}

/// Values for build arguments: those of the command line win over the manifest's.
class Arguments {
 public:
  Arguments(const PlanInput& input, const std::vector<manifest::EnvironmentEntry>& defaults)
      : input_(input), defaults_(defaults) {}

  /// Only what the Dockerfile declares, in a fixed order.
  std::vector<std::pair<std::string, std::string>> of(
      const manifest::Service& service, const manifest::DockerfileFacts& facts) const {
    std::map<std::string, std::string> values;
    for (const auto& [name, value] : service.args) {
      const std::optional<std::string> found = value ? value : environment_value(service, name);
      if (found) values[name] = *found;
    }
    for (const auto& [name, value] : input_.request.build_args) values[name] = value;
    std::erase_if(values,
                  [&](const auto& entry) { return !facts.declared_args.contains(entry.first); });
    return {values.begin(), values.end()};
  }

 private:
  /// The app's, else the service's default, else the manifest's.
  std::optional<std::string> environment_value(const manifest::Service& service,
                                               const std::string& name) const {
    if (const auto set = input_.environment.find(name); set != input_.environment.end()) {
      return set->second;
    }
    for (const auto* entries : {&service.environment, &defaults_}) {
      const auto entry = std::ranges::find(*entries, name, &manifest::EnvironmentEntry::name);
      if (entry != entries->end() && entry->default_value) return entry->default_value;
    }
    return std::nullopt;
  }

  const PlanInput& input_;
  const std::vector<manifest::EnvironmentEntry>& defaults_;
};

/// Refuses what containers/image would read from the host's files or daemons.
std::optional<Error> check_image_name(std::string_view image, const std::string& whose) {
  constexpr std::array<std::string_view, 11> kTransports = {"atomic",        "containers-storage",
                                                            "dir",           "docker-archive",
                                                            "docker-daemon", "oci",
                                                            "oci-archive",   "ostree",
                                                            "sif",           "tarball",
                                                            "docker"};
  const std::string_view transport = image.substr(0, image.find(':'));
  if (transport.size() == image.size()) return std::nullopt;
  if (std::ranges::find(kTransports, transport) == kTransports.end()) return std::nullopt;
  // An image may be called docker: only docker:// is a transport.
  if (transport == "docker" && !image.starts_with("docker://")) return std::nullopt;
  return Error(
      Errc::invalid, whose + "\"" + printable(image) + "\" names a place that images are read from",
      "name an image of a registry, such as debian:12 or registry.example.com/team/api:v1");
}

/// `stage` is there.
void select_stage(const std::string& stage, const manifest::DockerfileFacts& facts,
                  engine::ImageRequest& request) {
  request.target = stage;
  const auto found = std::ranges::find(facts.stages, stage, &manifest::Stage::name);
  if (found + 1 != facts.stages.end()) request.target_end = (found + 1)->line - 1;
}

void add_label(std::vector<std::pair<std::string, std::string>>& labels, std::string key,
               std::string value) {
  if (value.empty() || !engine::is_label_text(value)) return;
  labels.emplace_back(std::move(key), std::move(value));
}

/// Those of the OCI image format that the Dockerfile does not set itself.
std::vector<std::pair<std::string, std::string>> open_labels(
    const PlanInput& input, const manifest::DockerfileFacts& facts) {
  const std::string prefix = "org.opencontainers.image.";
  std::vector<std::pair<std::string, std::string>> labels;
  for (const auto& [key, value] : {
           std::pair<std::string, std::string>{"created",
                                               to_rfc3339({input.began}, Fraction::dropped)},
           {"revision", input.request.git_sha},
           {"source", input.request.git_url},
           {"version", input.id.str()},
       }) {
    if (!facts.labels.contains(prefix + key)) add_label(labels, prefix + key, value);
  }
  return labels;
}

/// By these, and by no name, the objects that are ours are told from others.
void add_own_labels(const PlanInput& input, Plan& plan) {
  for (std::size_t i = 0; i < plan.images.size(); ++i) {
    engine::ImageRequest& image = plan.images[i];
    if (!image.base_image.empty()) continue;
    std::vector<std::string> services;
    for (const PlannedService& service : plan.services) {
      if (service.image == i) services.push_back(service.name.str());
    }
    add_label(image.labels, "cooper.app", input.app.str());
    add_label(image.labels, "cooper.build", input.id.str());
    if (!input.root.empty()) add_label(image.labels, "cooper.root", input.root);
    add_label(image.labels, "cooper.service", join(services, ","));
  }
}

Result<engine::ImageRequest> request_for(const manifest::Service& service,
                                         const Arguments& arguments, const PlanInput& input,
                                         std::vector<std::string>& notes) {
  engine::ImageRequest request{.service = service.name.str(),
                               .base_image = service.image,
                               .no_cache = input.request.no_cache};
  const std::string whose = "service " + service.name.str() + ": ";
  if (auto refused = check_image_name(service.image, whose)) return *std::move(refused);
  if (!service.image.empty()) return request;

  const Result<fs::path> context =
      resolve_inside(input.source, service.path, whose + "the build path");
  if (!context) return context.error();
  if (!fs::is_directory(*context)) {
    return Error(Errc::invalid,
                 whose + "the build path \"" + printable(service.path) + "\" is no folder");
  }
  const Result<fs::path> dockerfile = resolve_inside(
      input.source, fs::path(service.path) / service.dockerfile, whose + "the Dockerfile");
  if (!dockerfile) return dockerfile.error();
  const Result<std::string> text =
      read_text(*dockerfile, whose + "the Dockerfile \"" + printable(service.dockerfile) + "\"");
  if (!text) return text.error();
  const std::string shown = (fs::path(service.path) / service.dockerfile).lexically_normal();
  const Result<manifest::DockerfileFacts> facts = manifest::parse_dockerfile(*text, shown);
  if (!facts) return Error(facts.error()).while_doing("service " + service.name.str());

  request.platform = input.request.platform;
  if (facts->target_run_line != 0) {
    request.first_run = shown + ":" + std::to_string(facts->target_run_line);
  }
  if (facts->heredoc_line != 0) request.heredoc = shown + ":" + std::to_string(facts->heredoc_line);
  request.context = *context;
  request.dockerfile = *dockerfile;
  for (const manifest::Stage& stage : facts->stages) {
    const std::string where = whose + shown + ":" + std::to_string(stage.line) + ": ";
    if (auto refused = check_image_name(stage.base, where)) return *std::move(refused);
  }
  request.build_args = arguments.of(service, *facts);
  if (facts->syntax_line != 0) {
    const std::string where = shown + ":" + std::to_string(facts->syntax_line);
    const std::string line = "# syntax=" + shorten(printable(facts->syntax), 120);
    if (input.syntax == SyntaxLines::deny) {
      return Error(Errc::invalid,
                   whose + where + ": the line " + line +
                       " would have a frontend pulled from a registry, and the property syntax is "
                       "deny",
                   "remove the line, or set the property to builtin: the line is ignored then");
    }
    if (input.syntax == SyntaxLines::allow) {
      request.frontend = facts->syntax;
    } else {
      std::string note = where + ": " + line + " is ignored (property syntax)";
      if (std::ranges::find(notes, note) == notes.end()) notes.push_back(std::move(note));
    }
  }
  const bool has_development = std::ranges::any_of(
      facts->stages, [](const manifest::Stage& stage) { return stage.name == "development"; });
  if (input.request.development && has_development) select_stage("development", *facts, request);
  request.labels = open_labels(input, *facts);
  return request;
}

bool same_image(const engine::ImageRequest& a, const engine::ImageRequest& b) {
  const auto key = [](const engine::ImageRequest& r) {
    return std::tie(r.context, r.dockerfile, r.base_image, r.build_args, r.target);
  };
  return key(a) == key(b);
}

}  // namespace

Result<Plan> make_plan(const PlanInput& input) {
  const Result<ManifestText> file = find_manifest(input.source, input.request.manifest);
  if (!file) return file.error();
  Plan plan{.manifest_file = file->file, .manifest_text = file->text.value_or("")};

  manifest::Manifest manifest = manifest::default_manifest();
  if (file->text) {
    manifest::ParseOptions options{.file_name = file->file,
                                   .variables = input.environment,
                                   .limits = {},
                                   .refuses_mistyped = true};
    for (const auto& [name, value] : input.request.build_args) options.variables[name] = value;
    Result<manifest::Manifest> parsed = manifest::parse_manifest(*file->text, options);
    if (!parsed) return parsed.error();
    manifest = std::move(*parsed);
  }
  for (manifest::Service& service : manifest.services) {
    if (service.image.empty()) service.image = input.request.image;
  }

  const Arguments arguments(input, manifest.environment);
  for (const manifest::Service& service : manifest.services) {
    Result<engine::ImageRequest> request = request_for(service, arguments, input, plan.notes);
    if (!request) return request.error();
    auto image = std::ranges::find_if(plan.images, [&](const engine::ImageRequest& known) {
      return same_image(known, *request);
    });
    if (image == plan.images.end()) {
      plan.images.push_back(std::move(*request));
      image = plan.images.end() - 1;
    }
    const std::string reference = image_reference(input.app, service.name, input.id);
    image->tags.push_back(reference);
    plan.services.push_back({.name = service.name,
                             .image = static_cast<std::size_t>(image - plan.images.begin()),
                             .reference = reference});
  }
  add_own_labels(input, plan);
  return plan;
}

}  // namespace cooper::build
