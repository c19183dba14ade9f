#include "build/plan.h"

#include "base/file.h"
#include "base/text.h"
#include "manifest/dockerfile.h"
#include "manifest/manifest.h"

#include <algorithm>
#include <optional>
#include <system_error>
#include <tuple>

namespace cooper::build {
namespace fs = std::filesystem;

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
  const std::string shown = "\"" + printable(relative.lexically_normal().string()) + "\"";
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
  const Result<fs::path> path = resolve_inside(source, file, "the manifest");
  if (!path) return path.error();
  Result<std::string> text = read_text(*path, "the manifest \"" + printable(file) + "\"");
  if (!text) return text.error();
  return ManifestText{file, std::move(*text)};
}

/// Values for build arguments: those of the command line win over the manifest's.
class Arguments {
 public:
  explicit Arguments(const PlanInput& input) : input_(input) {}

  /// Only what the Dockerfile declares, in a fixed order.
  std::vector<std::pair<std::string, std::string>> of(
      const manifest::Service& service, const manifest::DockerfileFacts& facts) const {
    std::map<std::string, std::string> values;
    for (const auto& [name, value] : service.args) {
      if (value) {
        values[name] = *value;
      } else if (const auto set = input_.environment.find(name); set != input_.environment.end()) {
        values[name] = set->second;
      }
    }
    for (const auto& [name, value] : input_.request.build_args) values[name] = value;
    std::erase_if(values,
                  [&](const auto& entry) { return !facts.declared_args.contains(entry.first); });
    return {values.begin(), values.end()};
  }

 private:
  const PlanInput& input_;
};

Result<engine::ImageRequest> request_for(const manifest::Service& service, const PlanInput& input) {
  engine::ImageRequest request{.service = service.name.str(),
                               .base_image = service.image,
                               .no_cache = input.request.no_cache};
  if (!service.image.empty()) return request;

  const std::string whose = "service " + service.name.str() + ": ";
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

  request.context = *context;
  request.dockerfile = *dockerfile;
  request.build_args = Arguments(input).of(service, *facts);
  const bool has_development = std::ranges::any_of(
      facts->stages, [](const manifest::Stage& stage) { return stage.name == "development"; });
  if (input.request.development && has_development) request.target = "development";
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
    manifest::ParseOptions options{.file_name = file->file, .variables = input.environment};
    for (const auto& [name, value] : input.request.build_args) options.variables[name] = value;
    Result<manifest::Manifest> parsed = manifest::parse_manifest(*file->text, options);
    if (!parsed) return parsed.error();
    manifest = std::move(*parsed);
  }

  for (const manifest::Service& service : manifest.services) {
    Result<engine::ImageRequest> request = request_for(service, input);
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
  return plan;
}

}  // namespace cooper::build
