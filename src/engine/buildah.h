#pragma once
// The engine that needs no daemon: one buildah process for each image.

#include "engine/buildah_host.h"
#include "engine/buildah_output.h"
#include "engine/engine.h"
#include "engine/platform.h"
#include "engine/short_path.h"
#include "log/capture.h"
#include "store/folder_lock.h"

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::engine {

struct BuildahOptions {
  std::string program = "buildah";  ///< name in PATH, or a path
  /// How long a build may take to clean up after itself when it is stopped.
  std::chrono::milliseconds grace = std::chrono::seconds(5);
};

/// Images are kept in the host's containers/storage, as its usual environment
/// (CONTAINERS_STORAGE_CONF, STORAGE_DRIVER, ...) and files say.
class BuildahEngine : public Engine {
 public:
  /// Throws Error{unavailable} if buildah is not there or works in no way here.
  explicit BuildahEngine(BuildContext context, BuildahOptions options = {});

  std::string name() const override { return "buildah " + host_.version; }
  std::vector<std::string> platforms() override { return host_platforms(); }
  KeepsLimits keeps_limits() const override { return KeepsLimits::yes; }
  /// A failing build leaves no working container; a stopped one may (see clean_up).
  ImageResult make(const ImageRequest& request, Progress& progress, std::stop_token stop) override;
  PushResult push(const ImageRequest& image, const std::string& reference, Progress& progress,
                  std::stop_token stop) override;
  SaveResult save(const ImageRequest& image, const std::string& reference,
                  const std::filesystem::path& file, Progress& progress,
                  std::stop_token stop) override;
  void write_archive(const std::string& reference, const std::filesystem::path& file,
                     std::stop_token stop) override;
  std::optional<std::string> base_digest(const std::string& reference) override;
  bool use_again(const std::string& reference, const std::string& digest,
                 const std::vector<std::string>& tags) override;
  /// Needed after every build that did not end by itself: buildah tidies up at a
  /// stop request only while a RUN runs. Processes of RUN instructions must have
  /// ended before. A container that buildah was killed (SIGKILL) in the middle of
  /// making bears no build's name and stays, as nobody can tell whose it is. Cheap
  /// if nothing is left.
  std::size_t clean_up() override;
  std::vector<KeptImage> find_images(std::string_view prefix) override;
  void remove_images(const std::vector<std::string>& references) override;

  const BuildahHost& host() const noexcept { return host_; }

 private:
  void remove_unfinished_images();
  ImageResult build(const ImageRequest& request, Progress& progress, std::stop_token stop);
  ImageResult take_base(const ImageRequest& request, Progress& progress, std::stop_token stop);
  ImageResult load(const ImageRequest& request, Progress& progress, std::stop_token stop);
  std::vector<std::string> instruction_files(const ImageRequest& request, unsigned number) const;
  std::vector<std::string> build_command(const ImageRequest& request,
                                         const std::filesystem::path& id_file, unsigned number,
                                         std::vector<std::string>& environment) const;
  void import_cache(const ImageRequest& request, std::vector<std::string>& argv, Progress& progress,
                    const std::stop_token& stop);
  void export_cache(const ImageRequest& request, unsigned number, Progress& progress,
                    std::stop_token stop);
  bool is_kept(const LayerCache& cache, const std::optional<BuildahOutput::Reused>& reused) const;
  void note_kept(const LayerCache& cache, const std::string& layer) const;
  void drop_cache_names(const ImageRequest& request, const std::string& image_id) const;
  const std::string& cache_problem(const ImageRequest& request, const std::stop_token& stop);
  std::string look_at_cache(const LayerCache& cache, const std::stop_token& stop) const;
  std::vector<std::string> environment() const;
  process::ExitStatus stream(std::vector<std::string> argv, std::vector<std::string> environment,
                             log::Sink& sink, std::stop_token stop) const;
  process::Captured ask(std::vector<std::string> arguments, std::chrono::milliseconds limit,
                        std::stop_token stop = {}) const;
  std::string digest_of(const std::string& image) const;
  store::FolderLock lock_names(std::chrono::seconds patience, std::stop_token stop = {}) const;
  void ensure_names(const std::string& image_id, const std::vector<std::string>& names,
                    std::stop_token stop) const;
  void remove(std::vector<std::string> command, std::string_view what,
              std::string_view absent) const;
  std::string marker() const;
  void write_secrets() const;
  std::string scratch_folder();
  void prepare();

  BuildContext context_;
  BuildahOptions options_;
  BuildahHost host_;
  std::once_flag prepared_;
  std::optional<ShortPath> short_work_;
  std::vector<std::string> variables_;  // what prepare() adds to buildah's environment
  std::atomic<unsigned> made_ = 0;      // numbers the calls of make()
  std::once_flag looked_at_cache_;
  std::string cache_problem_;
  std::atomic_flag warned_of_cache_;
};

}  // namespace cooper::engine
