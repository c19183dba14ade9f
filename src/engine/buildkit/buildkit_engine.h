#pragma once
// BuildKit as an engine: the one inside a Docker Engine, or a daemon of its own.

#include "engine/choose.h"
#include "engine/docker_api.h"
#include "engine/engine.h"
#include "source/content_time.h"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace grpc {
class Channel;
}

namespace cooper::engine::buildkit {

struct Export;
struct SolveOrder;
struct SolveResult;
class Session;
class StepReader;

/// A connection and a session for each image, so that whatever ends this process
/// ends its builds in the daemon, too. Images of a Docker Engine are kept there;
/// a stand-alone daemon keeps none that could be found or removed.
class BuildkitEngine : public Engine {
 public:
  /// Throws Error{unavailable} if the daemon does not answer.
  BuildkitEngine(EngineChoice choice, BuildContext context);

  std::string name() const override { return name_; }
  std::vector<std::string> platforms() override;
  /// The daemon's processes are not ours: it may know how to put them into a group of
  /// ours, and may have the same groups as we have.
  KeepsLimits keeps_limits() const override {
    return context_.cgroup_parent.empty() ? KeepsLimits::no : KeepsLimits::seen_in_use;
  }
  ImageResult make(const ImageRequest& request, Progress& progress, std::stop_token stop) override;
  /// A Docker Engine pushes what it keeps; a daemon of its own makes the image once
  /// more, all from its cache, and pushes that.
  PushResult push(const ImageRequest& image, const std::string& reference, Progress& progress,
                  std::stop_token stop) override;
  /// A Docker Engine writes what it keeps; a daemon of its own makes the image once more,
  /// all from its cache, and sends that.
  SaveResult save(const ImageRequest& image, const std::string& reference,
                  const std::filesystem::path& file, Progress& progress,
                  std::stop_token stop) override;
  /// Of a Docker Engine. Error{engine} for a daemon of its own, which keeps none.
  void write_archive(const std::string& reference, const std::filesystem::path& file,
                     std::stop_token stop) override;
  /// Of a Docker Engine, as it finds it: here, else in its registry.
  std::optional<std::string> base_digest(const std::string& reference) override;
  bool use_again(const std::string& reference, const std::string& digest,
                 const std::vector<std::string>& tags) override;
  /// The daemon ends a build with its connection.
  std::size_t clean_up() override { return 0; }
  std::vector<KeptImage> find_images(std::string_view prefix) override;
  void remove_images(const std::vector<std::string>& references) override;

 private:
  ImageResult build(const ImageRequest& request, Progress& progress, std::stop_token stop);
  ImageResult take_base(const ImageRequest& request, Progress& progress, std::stop_token stop);
  ImageResult load(const ImageRequest& request, Progress& progress, std::stop_token stop);
  ImageResult explain(const ImageRequest& request, const SolveResult& result,
                      const StepReader& steps, Progress& progress) const;
  Session open_session(const std::shared_ptr<grpc::Channel>& channel, const ImageRequest& request,
                       const source::ContentTime& times,
                       std::function<void(const std::string&)> warn,
                       const Fd* receives = nullptr) const;
  SolveOrder order_of(const ImageRequest& request, const Session& session) const;
  void add_cache(const ImageRequest& request, SolveOrder& order) const;
  void check_limits(const StepReader& steps, Progress& progress);
  void warn_of_cache(const ImageRequest& request, const std::string& problem, Progress& progress);
  /// Makes what make() has made once more, for another exporter than the engine's own.
  SolveResult solve_again(const ImageRequest& image, const Export& target, Progress& progress,
                          std::stop_token stop);
  PushResult solve_and_push(const ImageRequest& image, const std::string& reference,
                            Progress& progress, std::stop_token stop);
  std::string place() const;

  EngineChoice choice_;
  BuildContext context_;
  std::optional<DockerApi> docker_;  // of a Docker Engine
  std::mutex loading_;
  source::ContentTime::Key key_;
  std::string name_;
  std::string exporter_;
  bool host_network_ = false;
  bool writes_registry_caches_ = false;
  std::atomic_flag warned_of_cache_;
  std::atomic_flag checked_limits_;
};

}  // namespace cooper::engine::buildkit
