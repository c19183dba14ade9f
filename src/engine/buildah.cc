#include "engine/buildah.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "engine/buildah_failure.h"
#include "engine/buildah_output.h"
#include "engine/buildah_store.h"
#include "engine/registries.h"
#include "process/cgroup.h"
#include "process/child.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <map>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace cooper::engine {

namespace {

/// Feeds what a child prints to the step reader.
class OutputSink : public log::Sink {
 public:
  explicit OutputSink(BuildahOutput& output) : output_(output) {}
  void bytes(std::string_view chunk) override { output_.feed(chunk); }
  void idle() override { output_.idle(); }

 private:
  BuildahOutput& output_;
};

/// Would a variable of this name change what buildah itself does? Then a build
/// arg of that name can't travel in buildah's environment.
bool steers_buildah(std::string_view name) {
  constexpr std::array<std::string_view, 13> prefixes = {
      "BUILDAH_", "CONTAINER", "_CONTAINERS_", "DOCKER_", "GO",  "LD_", "NETAVARK_",
      "REGISTR",  "SSL_CERT_", "STORAGE_",     "SUDO_",   "TMP", "XDG_"};
  constexpr std::array<std::string_view, 10> names = {
      "ALL_PROXY", "DBUS_SESSION_BUS_ADDRESS", "HOME",    "LOGNAME", "NOTIFY_SOCKET",
      "PATH",      "SOURCE_DATE_EPOCH",        "TEMPDIR", "TERM",    "USER"};
  std::string upper(name);
  std::ranges::transform(upper, upper.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  });
  return upper.ends_with("_PROXY") || std::ranges::find(names, upper) != names.end() ||
         std::ranges::any_of(prefixes, [&](std::string_view p) { return upper.starts_with(p); });
}

/// As a user knows it: relative to the context if it is in there.
std::string shown_path(const std::filesystem::path& file, const std::filesystem::path& context) {
  const std::filesystem::path relative = file.lexically_relative(context);
  if (relative.empty() || *relative.begin() == "..") return printable(file.string());
  return printable(relative.string());
}

/// What can't even start to build, in one line; empty if nothing is missing.
std::string missing_input(const ImageRequest& request) {
  std::error_code error;
  if (!std::filesystem::is_directory(request.context, error)) {
    return "the build context " + printable(request.context.string()) + " is not a folder";
  }
  if (!std::filesystem::exists(request.dockerfile, error)) {
    return "there is no " + shown_path(request.dockerfile, request.context) + " to build from";
  }
  return {};
}

std::string last_line(std::string_view text) {
  text = trim(text);
  return std::string(text.substr(text.rfind('\n') + 1));
}

ImageResult canceled() { return {.end = ImageResult::End::canceled, .reason = "canceled"}; }

}  // namespace

BuildahEngine::BuildahEngine(BuildContext context, BuildahOptions options)
    : context_(std::move(context)),
      options_(std::move(options)),
      host_(find_buildah(options_.program, context_.cache)) {}

/// An engine that only cleans up needs no scratch folder, which may be gone.
void BuildahEngine::prepare() {
  std::call_once(prepared_, [this] {
    make_folders(context_.work);
    variables_.push_back("TMPDIR=" + context_.work.string());
    if (const auto registries = registries_with_docker_hub(context_.work)) {
      variables_.push_back("CONTAINERS_REGISTRIES_CONF=" + registries->string());
    }
  });
}

/// Buildah stores a build's settings with each working container, in every kind
/// of isolation. An unused secret is the one setting that carries a name and
/// changes neither the build nor its cache keys.
std::string BuildahEngine::marker() const {
  return "id=cooper-build-" + context_.build.str() + ",src=/dev/null";
}

std::vector<std::string> BuildahEngine::environment() const {
  return process::own_environment(variables_);
}

process::ExitStatus BuildahEngine::stream(std::vector<std::string> argv,
                                          std::vector<std::string> environment, log::Sink& sink,
                                          std::stop_token stop) const {
  Pipe pipe = make_pipe();
  process::Child child = process::Child::start({.argv = std::move(argv),
                                                .environment = std::move(environment),
                                                .out = pipe.write.get(),
                                                .err = pipe.write.get(),
                                                .death_signal = SIGTERM,
                                                .cgroups = context_.cgroups});
  pipe.write.reset();
  const log::CaptureOptions how{.grace = options_.grace, .clock = options_.clock};
  return log::capture(child, pipe.read, how, sink, std::move(stop));
}

process::Captured BuildahEngine::ask(std::vector<std::string> arguments,
                                     std::stop_token stop) const {
  arguments.insert(arguments.begin(), host_.program);
  return process::run({.argv = std::move(arguments),
                       .environment = environment(),
                       .death_signal = SIGTERM,
                       .cgroups = context_.cgroups},
                      std::chrono::minutes(2), std::move(stop));
}

std::vector<std::string> BuildahEngine::build_command(const ImageRequest& request,
                                                      const std::filesystem::path& id_file,
                                                      unsigned number,
                                                      std::vector<std::string>& environment) const {
  // docker: the format that knows HEALTHCHECK and SHELL. pull=false: only what
  // is not there already, as docker does. force-rm: without it each failing
  // build leaves a working container.
  std::vector<std::string> argv = {host_.program,
                                   "build",
                                   "--layers",
                                   "--force-rm",
                                   "--format",
                                   "docker",
                                   "--pull=false",
                                   "--network",
                                   "host",
                                   "--isolation",
                                   host_.isolation.kind,
                                   "--secret",
                                   marker(),
                                   "--iidfile",
                                   id_file.string(),
                                   "--file",
                                   request.dockerfile.string()};
  const auto add = [&](auto... words) { (argv.emplace_back(words), ...); };
  if (!host_.isolation.runtime.empty()) {
    add("--runtime", host_.isolation.runtime);
    // The runtime's notes of a RUN that could not end by itself go with this folder.
    add("--runtime-flag", "root=" + (context_.work / "runtime").string());
  }
  if (host_.isolation.kind == "oci") {
    // A group for each image: the runtime removes the group after each RUN, and
    // waits in vain if another image's RUN is in it.
    if (!context_.cgroup_parent.empty()) {
      add("--cgroup-parent", context_.cgroup_parent + "/" + std::to_string(number));
    }
    if (context_.memory_limit != 0) add("--memory", std::to_string(context_.memory_limit));
  }
  if (!request.target.empty()) add("--target", request.target);
  if (request.no_cache) add("--no-cache");
  for (const std::string& tag : request.tags) add("--tag", tag);
  std::map<std::string, std::string> args;  // a later value replaces an earlier one
  for (const auto& [name, value] : request.build_args) args[name] = value;
  for (const auto& [name, value] : args) {
    // Everybody can read a command line; values may be secret.
    if (steers_buildah(name)) {
      add("--build-arg", name + "=" + value);
      continue;
    }
    add("--build-arg", name);
    const std::string prefix = name + "=";
    std::erase_if(environment, [&](const std::string& entry) { return entry.starts_with(prefix); });
    environment.push_back(prefix + value);
  }
  add(request.context.string());
  return argv;
}

ImageResult BuildahEngine::make(const ImageRequest& request, Progress& progress,
                                std::stop_token stop) {
  if (stop.stop_requested()) return canceled();
  prepare();
  return request.base_image.empty() ? build(request, progress, std::move(stop))
                                    : take_base(request, progress, std::move(stop));
}

ImageResult BuildahEngine::build(const ImageRequest& request, Progress& progress,
                                 std::stop_token stop) {
  if (std::string missing = missing_input(request); !missing.empty()) {
    return {.end = ImageResult::End::failed, .exit_code = 1, .reason = std::move(missing)};
  }
  const unsigned number = ++made_;
  const std::filesystem::path id_file = context_.work / ("image-" + std::to_string(number) + ".id");
  std::vector<std::string> variables = environment();
  std::vector<std::string> argv = build_command(request, id_file, number, variables);

  BuildahOutput output(progress, request.tags);
  OutputSink sink(output);
  const std::uint64_t kills_before = process::host_out_of_memory_kills();
  const process::ExitStatus status = stream(std::move(argv), std::move(variables), sink, stop);
  output.finish();

  if (status.ok()) {
    progress.step_finished(0);
    std::string id(trim(read_file(id_file).value_or("")));
    remove_file(id_file);
    if (id.starts_with("sha256:")) id.erase(0, 7);
    // It is made: a stop request that comes now must not leave a tag without a digest.
    return {.end = ImageResult::End::made, .digest = digest_of(id, {})};
  }
  if (stop.stop_requested()) {
    progress.step_finished(std::nullopt);
    return canceled();
  }
  // The runtime removes the RUN's own group, and its counter with it.
  const std::uint64_t kills = process::host_out_of_memory_kills() - kills_before;
  Failure failure = explain_failure(output, status, kills);
  progress.step_finished(failure.exit_code);
  return {.end = ImageResult::End::failed,
          .exit_code = failure.exit_code,
          .reason = std::move(failure.reason),
          .out_of_memory = kills > 0};
}

ImageResult BuildahEngine::take_base(const ImageRequest& request, Progress& progress,
                                     std::stop_token stop) {
  std::vector<std::string> tag = {"tag", request.base_image};
  tag.insert(tag.end(), request.tags.begin(), request.tags.end());

  progress.step_started("pull " + request.base_image);
  // Tagging finds out by the way whether the image is there.
  process::Captured tagged = ask(tag, stop);
  if (tagged.status.ok()) {
    progress.step_cached();
  } else {
    BuildahOutput output(progress);
    OutputSink sink(output);
    const process::ExitStatus status =
        stream({host_.program, "pull", "--policy", "missing", request.base_image}, environment(),
               sink, stop);
    output.finish();
    if (!status.ok()) {
      if (stop.stop_requested()) {
        progress.step_finished(std::nullopt);
        return canceled();
      }
      progress.step_finished(status.code);
      return {.end = ImageResult::End::failed,
              .exit_code = status.code,
              .reason = explain_pull(request.base_image, output.error())};
    }
    progress.step_finished(0);
    progress.step_started("tag");
    tagged = ask(tag, stop);
    if (!tagged.status.ok()) {
      progress.step_finished(tagged.status.code);
      return {.end = ImageResult::End::failed,
              .exit_code = tagged.status.code,
              .reason = "image " + printable(request.base_image) +
                        " can't be tagged: " + shorten(printable(last_line(tagged.err)), 200)};
    }
  }
  progress.step_finished(0);
  const std::string& image = request.tags.empty() ? request.base_image : request.tags.front();
  return {.end = ImageResult::End::made, .digest = digest_of(image, {})};
}

std::string BuildahEngine::digest_of(const std::string& image, std::stop_token stop) const {
  if (std::optional<std::string> digest = manifest_digest(host_, image)) return *std::move(digest);
  const process::Captured asked = ask(
      {"inspect", "--type", "image", "--format", "{{.FromImageDigest}}", image}, std::move(stop));
  std::string digest(trim(asked.out));
  if (!asked.status.ok() || !digest.starts_with("sha256:")) {
    throw Error(Errc::engine, "buildah does not know the image that it just made: " +
                                  shorten(printable(last_line(asked.err)), 200));
  }
  return digest;
}

std::size_t BuildahEngine::clean_up() {
  const std::vector<std::string> left = leftover_containers(host_, "\"" + marker() + "\"");
  if (left.empty()) return 0;
  std::vector<std::string> argv = {"rm"};
  argv.insert(argv.end(), left.begin(), left.end());
  const process::Captured removed = ask(std::move(argv));
  if (!removed.status.ok()) {
    throw Error(Errc::engine,
                "working containers of build " + context_.build.str() +
                    " can't be removed: " + shorten(printable(last_line(removed.err)), 200));
  }
  return left.size();
}

void BuildahEngine::remove_images(const std::vector<std::string>& references) {
  if (references.empty()) return;
  std::vector<std::string> argv = {"rmi"};
  argv.insert(argv.end(), references.begin(), references.end());
  const process::Captured removed = ask(std::move(argv));
  if (removed.status.ok()) return;
  for (const std::string_view line : split(removed.err, '\n')) {
    // "Error: 2 errors occurred:", and then a line for each.
    if (trim(line).empty() || line.find("image not known") != std::string_view::npos ||
        trim(line).ends_with("occurred:")) {
      continue;
    }
    throw Error(Errc::engine, "images can't be removed: " + shorten(printable(line), 300));
  }
}

}  // namespace cooper::engine
