#pragma once
// What makes images. One interface for buildah, a Docker Engine's BuildKit and
// remote BuildKit daemons.

#include "base/time.h"
#include "engine/build_secrets.h"
#include "model/names.h"
#include "process/cgroup.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cooper::source {
class ContentDigests;
}

namespace cooper::engine {

/// Where an image's layers are looked for before its steps run, and kept for other
/// machines.
struct LayerCache {
  /// inlined: within the image, which build/push.h then pushes as the cache, too.
  enum class Mode : std::uint8_t { registry, inlined } mode = Mode::registry;
  std::string repository;  ///< "registry.example.com/shop"
  std::string tag;         ///< of engines that keep one manifest for each image's layers
  std::string reference() const { return repository + ":" + tag; }
  bool operator==(const LayerCache&) const = default;
};

/// One image to make. Several services may share it.
struct ImageRequest {
  std::string service;               ///< the first service that uses it, for messages
  std::filesystem::path context;     ///< folder; empty when `base_image` is set
  std::filesystem::path dockerfile;  ///< absolute
  std::string base_image;  ///< `image:` services: an existing image to find or pull, and tag
  /// An archive, as `docker save` writes it, that has the image under its tags, and is to be
  /// loaded; it lies beneath BuildContext::work. Empty: the image is made, or is `base_image`.
  std::filesystem::path archive;
  std::vector<std::pair<std::string, std::string>>
      build_args;      ///< only those that the Dockerfile declares
  std::string target;  ///< stage to build; empty: the last
  int target_end = 0;  ///< the last of that stage's lines; 0: the Dockerfile's last
  bool no_cache = false;
  std::string heredoc;            ///< "api/Dockerfile:3" where the first is; empty: there is none
  std::vector<std::string> tags;  ///< full references that the image gets
  /// What the image bears besides the Dockerfile's own; see is_label_text. Not of
  /// `base_image`, which stays as it is.
  std::vector<std::pair<std::string, std::string>> labels;
  /// The frontend that a `# syntax=` line names and the engine shall pull and run;
  /// empty: what the engine has built in.
  std::string frontend;
  std::string platform;   ///< see platform.h; empty: the engine's own
  std::string first_run;  ///< "api/Dockerfile:5": the first RUN on that platform; empty: none
  std::optional<LayerCache> cache;  ///< one that can't be used is a warning in the output
};

/// A step of an engine that runs several of one image at once and keeps the
/// times itself.
struct EndedStep {
  int number = 0;  ///< its place in the Dockerfile, from 1
  std::string text;
  Time started;
  Time finished;
  bool cached = false;
  std::uint64_t log_begin = 0;   ///< Progress::position() when it began
  std::optional<int> exit_code;  ///< absent if it was interrupted
  bool operator==(const EndedStep&) const = default;
};

/// Where an engine reports what happens. Called from the thread that called
/// Engine::make, in order. An engine that runs one step after another tells of
/// each as it comes (step_started, step_cached, step_finished); one that runs them
/// at once tells of each when it is over (step_ended).
class Progress {
 public:
  virtual ~Progress() = default;
  /// Output exactly as the engine printed it.
  virtual void output(std::string_view bytes) = 0;
  /// Nothing was printed for a moment: a held-back partial line may be shown.
  virtual void idle() = 0;
  /// A step begins; the one before it, if not ended, is ended with exit 0.
  virtual void step_started(std::string_view text) = 0;
  /// The current step came from the cache.
  virtual void step_cached() = 0;
  /// The current step ended. `exit_code` is absent if it was interrupted.
  virtual void step_finished(std::optional<int> exit_code) = 0;
  /// Where the next output will stand in the log.
  virtual std::uint64_t position() const = 0;
  /// A step that may have run beside others is over.
  virtual void step_ended(const EndedStep& step) = 0;
};

/// What became of one image. A failed build is an answer, not an Error.
struct ImageResult {
  enum class End { made, failed, canceled } end = End::failed;
  std::string digest;          ///< "sha256:<64 hex>" of the image's manifest, when made
  int exit_code = 0;           ///< of the instruction or engine that failed
  std::string reason;          ///< one line: "step 3/4 RUN make: exit status 2"
  bool out_of_memory = false;  ///< the reason says that the kernel killed for memory
  bool holds_cache = false;    ///< pushed under its cache's reference, it serves as layer cache
};

/// What became of one push. A refusal is an answer, not an Error.
struct PushResult {
  enum class End : std::uint8_t { pushed, failed, canceled } end = End::failed;
  std::string digest;     ///< "sha256:<64 hex>" of the manifest in the registry, when pushed
  std::string reason;     ///< one line: why it failed
  bool may_pass = false;  ///< the network's or the server's fault: trying again can help
};

/// What became of an image's archive. A failure is an answer, not an Error.
struct SaveResult {
  enum class End : std::uint8_t { saved, failed, canceled } end = End::failed;
  std::string reason;  ///< one line: why it failed
};

/// What is the same for all images of one build.
struct BuildContext {
  BuildId build;
  std::filesystem::path work;  ///< this build's scratch folder; removed after it
  std::string cgroup_parent;   ///< cgroup path that RUN processes join ("/cooper/<id>"), or empty
  /// Folders of that cgroup's sub-group `engine`, which our own engine processes join.
  std::vector<std::filesystem::path> cgroups;
  std::filesystem::path cache;          ///< the data root's cache/ folder
  std::filesystem::path logins;         ///< cooper's own auth file (registry_auth.h); may not exist
  std::vector<std::string> registries;  ///< host:port of those that the build pushes to
  process::Limits limits;               ///< of all that the build runs
  /// Of each RUN: what of `limits` the cgroup that `cgroup_parent` names does not keep itself.
  process::Limits run_limits;
  Time since =
      Time::max();  ///< when the build began: nothing in the engine that is older is its own
  BuildSecrets secrets;
  /// What is known of the source's files; saves reading them again. May be nullptr; borrowed.
  const source::ContentDigests* digests = nullptr;
};

/// What the keys of cooper's own labels begin with.
inline constexpr std::string_view kLabelPrefix = "cooper.";

/// An image that is in an engine.
struct KeptImage {
  std::string id;                             ///< what the engine takes for it
  std::vector<std::string> names;             ///< full references; may be none
  std::map<std::string, std::string> labels;  ///< those of cooper's ("cooper.app")
};

/// The images that an engine keeps, and what builds left in it.
class ImageKeeper {
 public:
  virtual ~ImageKeeper() = default;
  /// Removes what builds that did not end cleanly left in the engine: working
  /// containers and their mounts, of this build only. Returns how many it found.
  /// Throws Error{engine}.
  virtual std::size_t clean_up() = 0;
  /// The images here that have names which begin with `prefix`, of any build, with those
  /// names alone. Throws Error.
  virtual std::vector<KeptImage> find_images(std::string_view prefix) = 0;
  /// Removes tags (and images that no tag needs any more). Absent ones are fine.
  virtual void remove_images(const std::vector<std::string>& references) = 0;
  /// Writes an image that is here, with this name, into `file`, which is empty or a FIFO, as
  /// `docker save` does. Throws Error, Error{canceled} on a stop request.
  virtual void write_archive(const std::string& reference, const std::filesystem::path& file,
                             std::stop_token stop) = 0;
};

/// Does an engine keep the limits of a BuildContext, and use its control groups, for what
/// RUN instructions start?
enum class KeepsLimits : std::uint8_t {
  yes,
  no,
  seen_in_use,  ///< it may, and if it turns out not to, says so in the output of the image
};

/// Thread-safe: images of one build are made at once from several threads.
class Engine : public ImageKeeper {
 public:
  /// "buildah 1.28.2": what the record says.
  virtual std::string name() const = 0;
  /// Platforms that RUN instructions can run on. Throws as make() does.
  virtual std::vector<std::string> platforms() = 0;
  virtual KeepsLimits keeps_limits() const = 0;
  /// Makes one image; blocks until it is done. On a stop request it ends its
  /// work, leaves no process, and answers `canceled`. Throws Error{engine} or
  /// Error{unavailable} if the engine itself can't work.
  virtual ImageResult make(const ImageRequest& request, Progress& progress,
                           std::stop_token stop) = 0;
  /// Pushes an image that make() has made as `reference`; blocks until that is done.
  /// Tries once; a stop request ends it. Throws as make() does.
  virtual PushResult push(const ImageRequest& image, const std::string& reference,
                          Progress& progress, std::stop_token stop) = 0;
  /// Writes an image that make() has made into the empty `file`, with the name
  /// `reference` (one of its tags): what `docker load` and `podman load` take. Blocks
  /// until that is done; a stop request ends it. Throws as make() does.
  virtual SaveResult save(const ImageRequest& image, const std::string& reference,
                          const std::filesystem::path& file, Progress& progress,
                          std::stop_token stop) = 0;
  /// What tells the content of an image that a build would start from, "sha256:<64
  /// hex>", as this engine would find it now; pulls nothing. nullopt if that can't
  /// be told. Throws Error.
  virtual std::optional<std::string> base_digest(const std::string& reference) = 0;
  /// Gives the image that an earlier build made more names, if it is still here under
  /// `reference` and has this digest (ImageResult::digest); else false. Throws Error.
  virtual bool use_again(const std::string& reference, const std::string& digest,
                         const std::vector<std::string>& tags) = 0;
};

}  // namespace cooper::engine
