#include "engine/buildkit/buildkit_engine.h"

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "engine/build_input.h"
#include "engine/buildkit/connection.h"
#include "engine/buildkit/error_details.h"
#include "engine/buildkit/file_times_key.h"
#include "engine/buildkit/session.h"
#include "engine/buildkit/solve.h"
#include "engine/buildkit/steps.h"
#include "engine/dockerfile_lines.h"
#include "engine/memory_kills.h"
#include "engine/push_failure.h"

#include <boost/json.hpp>

#include <algorithm>
#include <mutex>
#include <utility>

namespace cooper::engine::buildkit {
namespace json = boost::json;

namespace {

/// Sentences about files, said by the session's threads and shown by ours.
class Warnings {
 public:
  void add(const std::string& text) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(text);
  }
  void show(Progress& progress) {
    std::vector<std::string> texts;
    {
      const std::lock_guard lock(mutex_);
      texts.swap(waiting_);
    }
    for (const std::string& text : texts) progress.output("warning: " + printable(text) + "\n");
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> waiting_;
};

ImageResult canceled() { return {.end = ImageResult::End::canceled, .reason = "canceled"}; }

ImageResult failed(int exit_code, std::string reason) {
  return {.end = ImageResult::End::failed, .exit_code = exit_code, .reason = std::move(reason)};
}

/// The same for all builds of a service: "localhost/app:web".
std::string lineage(const ImageRequest& request) {
  if (request.tags.empty()) return request.service;
  const std::string& tag = request.tags.front();
  return tag.substr(0, tag.rfind('.'));
}

/// The value of the frontend's attribute `cache-imports`.
std::string cache_import(const LayerCache& cache) {
  return json::serialize(json::array{
      json::object{{"Type", "registry"}, {"Attrs", json::object{{"ref", cache.reference()}}}}});
}

std::map<std::string, std::string> frontend_attributes(const ImageRequest& request) {
  std::map<std::string, std::string> attributes = {
      {"filename", request.dockerfile.filename().string()}};
  // With it, a daemon uses the frontend that it has built in, whatever a
  // `# syntax=` line would have it pull and run.
  if (request.frontend.empty()) attributes["cmdline"] = "builtin";
  if (!request.target.empty()) attributes["target"] = request.target;
  if (!request.platform.empty()) attributes["platform"] = request.platform;
  if (request.no_cache) attributes["no-cache"] = "";
  for (const auto& [name, value] : request.build_args) attributes["build-arg:" + name] = value;
  // They change the image's configuration only, and no step.
  for (const auto& [key, value] : request.labels) attributes["label:" + key] = value;
  return attributes;
}

}  // namespace

BuildkitEngine::BuildkitEngine(EngineChoice choice, BuildContext context)
    : choice_(std::move(choice)),
      context_(std::move(context)),
      key_(file_times_key(context_.cache)) {
  if (choice_.kind == EngineKind::docker) {
    docker_.emplace(choice_.address, context_.logins);
    const DockerFacts facts = docker_->facts();
    name_ = "docker " + facts.version;
    exporter_ = "moby";
    host_network_ = !facts.has_bridge;
    writes_registry_caches_ = facts.has_containerd_store;
    return;
  }
  const auto channel = connect(choice_);
  const std::string version = version_of(channel, place());
  name_ = version.empty() ? "buildkit" : "buildkit " + printable(version);
  exporter_ = exporter_of(channel);
  writes_registry_caches_ = exporter_ == "image";
}

/// An engine that can't write a cache to a registry writes it into the image.
void BuildkitEngine::add_cache(const ImageRequest& request, SolveOrder& order) const {
  if (!request.cache) return;
  const LayerCache& cache = *request.cache;
  if (!request.no_cache) order.frontend["cache-imports"] = cache_import(cache);
  if (cache.mode == LayerCache::Mode::inlined || !writes_registry_caches_) {
    order.cache_export = "inline";
    return;
  }
  order.cache_export = "registry";
  // The build has made its image when this fails: a warning will do.
  order.cache_export_attributes = {
      {"ref", cache.reference()}, {"mode", "max"}, {"ignore-error", "true"}};
}

/// Once for all images: one registry keeps the layers of all.
void BuildkitEngine::warn_of_cache(const ImageRequest& request, const std::string& problem,
                                   Progress& progress) {
  if (is_absent(problem) || warned_of_cache_.test_and_set()) return;
  progress.output("warning: layer cache " + printable(request.cache->repository) +
                  " can't be used: " + shorten(plain_message(problem), 300) + "\n");
}

/// Once for all images: whether what runs is in our group shows when something has.
/// Daemons that don't know the attribute, or see other groups than we do, ignore it.
void BuildkitEngine::check_limits(const StepReader& steps, Progress& progress) {
  if (context_.cgroup_parent.empty() || !steps.something_ran()) return;
  if (checked_limits_.test_and_set()) return;
  if (process::others_joined(context_.cgroups)) return;
  progress.output("warning: " + process::not_enforced(context_.limits) +
                  ": RUN instructions are run by the daemon of " + name_ + "\n");
}

std::vector<std::string> BuildkitEngine::platforms() { return platforms_of(connect(choice_)); }

std::string BuildkitEngine::place() const {
  return (choice_.kind == EngineKind::docker ? "the Docker Engine at "
                                             : "the BuildKit daemon at ") +
         choice_.address;
}

ImageResult BuildkitEngine::make(const ImageRequest& request, Progress& progress,
                                 std::stop_token stop) {
  if (stop.stop_requested()) return canceled();
  if (!request.archive.empty()) return load(request, progress, std::move(stop));
  if (!request.base_image.empty()) return take_base(request, progress, std::move(stop));
  if (std::string missing = missing_input(request); !missing.empty()) {
    return failed(1, std::move(missing));
  }
  return build(request, progress, std::move(stop));
}

Session BuildkitEngine::open_session(const std::shared_ptr<grpc::Channel>& channel,
                                     const ImageRequest& request, const source::ContentTime& times,
                                     std::function<void(const std::string&)> warn,
                                     const Fd* receives) const {
  return Session(
      channel, {.folders = {.context = request.context,
                            .dockerfile = request.dockerfile.parent_path(),
                            .times = &times},
                .shared_key = hex(sha256(std::string(key_.begin(), key_.end()) + lineage(request))),
                .logins = context_.logins,
                .secrets = context_.secrets,
                .receives = receives,
                .warn = std::move(warn)});
}

SolveOrder BuildkitEngine::order_of(const ImageRequest& request, const Session& session) const {
  SolveOrder order{.session = session.id(),
                   .frontend = frontend_attributes(request),
                   .exporter = exporter_,
                   .exporter_attributes = {{"name", join(request.tags, ",")}}};
  if (!context_.cgroup_parent.empty()) order.frontend["cgroup-parent"] = context_.cgroup_parent;
  if (host_network_) {
    order.frontend["force-network-mode"] = "host";
    order.entitlements.emplace_back("network.host");
  }
  return order;
}

ImageResult BuildkitEngine::build(const ImageRequest& request, Progress& progress,
                                  std::stop_token stop) {
  const auto channel = connect(choice_);
  const source::ContentTime times(key_, context_.digests);
  Warnings warnings;
  const Session session =
      open_session(channel, request, times, [&](const std::string& text) { warnings.add(text); });
  SolveOrder order = order_of(request, session);
  add_cache(request, order);
  bool cache_is_there = true;
  StepReader steps(progress, request.tags.empty() ? "" : request.tags.front(),
                   read_file(request.dockerfile).value_or(""), [&](const std::string& problem) {
                     cache_is_there = false;
                     warn_of_cache(request, problem, progress);
                   });
  const MemoryWatch memory(context_.cgroups);
  const SolveResult result = solve(channel, order,
                                   {.update =
                                        [&](const StatusUpdate& update) {
                                          warnings.show(progress);
                                          steps.update(update);
                                          check_limits(steps, progress);
                                        },
                                    .idle =
                                        [&] {
                                          warnings.show(progress);
                                          steps.idle();
                                        }},
                                   stop);
  warnings.show(progress);
  switch (result.end) {
    case SolveResult::End::made: {
      // Written into an image of which all is cached, a cache names its last layer
      // alone: the one that is there is better.
      steps.finish(0);
      const auto digest = result.response.find("containerimage.digest");
      if (digest == result.response.end()) {
        throw Error(Errc::engine, place() + " does not tell the digest of the image that it made");
      }
      return {.end = ImageResult::End::made,
              .digest = digest->second,
              .holds_cache = order.cache_export == "inline" && !warned_of_cache_.test() &&
                             !(cache_is_there && steps.all_cached())};
    }
    case SolveResult::End::canceled:
      steps.finish(std::nullopt);
      return canceled();
    case SolveResult::End::cut_off:
      steps.finish(std::nullopt);
      throw Error(Errc::unavailable, place() + " went away during the build: " +
                                         shorten(plain_message(result.message), 200));
    case SolveResult::End::failed:
      break;
  }
  ImageResult explained = explain(request, result, steps, progress);
  steps.finish(explained.exit_code);
  explained.out_of_memory = explained.exit_code == 137 && memory.seen() != MemoryKills::none;
  return explained;
}

/// What failed, where in the Dockerfile, and why; shows that part of the file.
ImageResult BuildkitEngine::explain(const ImageRequest& request, const SolveResult& result,
                                    const StepReader& steps, Progress& progress) const {
  const ErrorDetails details = read_error_details(result.details);
  const std::string text = read_file(request.dockerfile).value_or("");
  const std::string message = plain_message(result.message);
  int line = details.line != 0 ? details.line : line_in(message);
  const auto& failed_step = steps.failed();
  if (line == 0 && failed_step) line = line_of(text, failed_step->instruction.text);
  std::string where;
  if (line != 0) {
    where = shown_path(request.dockerfile, request.context) + ":" + std::to_string(line);
    progress.output(where + "\n" + excerpt(text, line));
  }
  if (!failed_step) return failed(1, message.empty() ? "the build failed" : shorten(message, 400));
  const auto exit_code = details.exit_code ? details.exit_code : exit_code_in(failed_step->error);
  std::string reason = "step ";
  if (!failed_step->instruction.place.empty()) reason += failed_step->instruction.place + " ";
  reason += shorten(printable(failed_step->instruction.text), 120);
  if (!where.empty()) reason += " (" + where + ")";
  reason += exit_code ? ": exit status " + std::to_string(*exit_code)
                      : ": " + shorten(plain_message(failed_step->error), 300);
  return failed(exit_code.value_or(1), std::move(reason));
}

ImageResult BuildkitEngine::take_base(const ImageRequest& request, Progress& progress,
                                      std::stop_token stop) {
  if (!docker_) {
    throw Error(Errc::engine,
                place() + " can't take over the image " + printable(request.base_image),
                "services with `image:` need the engine docker or buildah");
  }
  progress.step_started("pull " + request.base_image);
  try {
    if (docker_->image_id(request.base_image)) {
      progress.step_cached();
    } else {
      const auto show = [&](std::string_view line) { progress.output(printable(line) + "\n"); };
      const std::string problem = docker_->pull(request.base_image, show, stop);
      if (!problem.empty()) {
        progress.step_finished(1);
        return failed(1, "image " + printable(request.base_image) +
                             " can't be pulled: " + shorten(printable(problem), 300));
      }
    }
    for (const std::string& tag : request.tags) docker_->tag(request.base_image, tag);
    progress.step_finished(0);
    return {.end = ImageResult::End::made,
            .digest = docker_->image_id(request.base_image).value_or("")};
  } catch (const Error& error) {  // adapter: the stop request ended the pull
    if (error.code() != Errc::canceled) throw;
    progress.step_finished(std::nullopt);
    return canceled();
  }
}

/// The engine takes all images of an archive at once, which may be those of others, too.
ImageResult BuildkitEngine::load(const ImageRequest& request, Progress& progress,
                                 std::stop_token stop) {
  if (!docker_) {
    throw Error(Errc::engine, place() + " keeps no images",
                "images are imported by the engines docker and buildah");
  }
  progress.step_started("LOAD " + request.tags.front());
  try {
    const std::lock_guard lock(loading_);
    if (!docker_->image_id(request.tags.front())) {
      if (const std::string problem = docker_->load(request.archive, stop); !problem.empty()) {
        progress.step_finished(1);
        return failed(1, "the image can't be loaded: " + shorten(printable(problem), 300));
      }
    }
    const std::optional<std::string> id = docker_->image_id(request.tags.front());
    progress.step_finished(id ? 0 : 1);
    if (!id) return failed(1, "the engine has taken the archive, but not its image");
    return {.end = ImageResult::End::made, .digest = *id};
  } catch (const Error& error) {  // adapter: the stop request ended it
    if (error.code() != Errc::canceled) throw;
    progress.step_finished(std::nullopt);
    return canceled();
  }
}

std::optional<std::string> BuildkitEngine::base_digest(const std::string& reference) {
  if (!docker_) return std::nullopt;
  if (auto here = docker_->image_id(reference)) return here;
  return docker_->registry_digest(reference);
}

bool BuildkitEngine::use_again(const std::string& reference, const std::string& digest,
                               const std::vector<std::string>& tags) {
  if (!docker_ || docker_->image_id(reference) != digest) return false;
  for (const std::string& tag : tags) docker_->tag(digest, tag);
  return true;
}

std::vector<KeptImage> BuildkitEngine::find_images(std::string_view prefix) {
  return docker_ ? docker_->find_images(prefix) : std::vector<KeptImage>{};
}

void BuildkitEngine::remove_images(const std::vector<std::string>& references) {
  if (docker_) docker_->remove_images(references);
}

}  // namespace cooper::engine::buildkit
