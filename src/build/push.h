#pragma once
// Pushes the images of a build to the app's registry, several at once.

#include "build/images.h"
#include "build/plan.h"
#include "build/step_log.h"
#include "engine/engine.h"
#include "log/log_file.h"

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace cooper::build {

/// What came of the pushes.
struct PushesResult {
  enum class End : std::uint8_t { pushed, failed, canceled } end = End::pushed;
  std::map<std::string, std::string> pushed;  ///< service -> reference@digest
  std::string reason;                         ///< failed: "service web: ..."
};

/// Pushes what was made on its own threads, an image on one: its services share the
/// layers. The first failure cancels the others. What the network or the server is to
/// blame for is tried again, later and later.
class ImagePusher {
 public:
  struct Parts {
    const Plan& plan;
    const ImagesResult& made;  ///< all of them are
    const BuildId& id;
    const std::string& repository;  ///< empty: only layer caches are pushed
    engine::Engine& engine;
    log::LogFile& log;
    StepLog& steps;
    const log::Redactor& redactor;
    log::OutputClock& clock;
    unsigned jobs;  ///< at least 1
  };
  explicit ImagePusher(Parts parts);

  /// Is there anything to push?
  static bool has_work(const Plan& plan, const ImagesResult& made, const std::string& repository);

  /// Blocks until all are pushed, or the pushes have ended otherwise, and no thread of
  /// it is left. `stop` cancels all.
  PushesResult run(std::stop_token stop);

 private:
  void work();
  void push_image(std::size_t index);
  engine::PushResult push(const engine::ImageRequest& image, const std::string& reference,
                          std::size_t attempts, log::Channel& channel, ImageProgress& progress);
  bool wait(std::chrono::milliseconds delay);
  void fail(std::string reason);

  Parts parts_;
  std::vector<std::string> prefixes_;  ///< by image
  std::atomic<std::size_t> next_{0};
  std::stop_source stop_;
  std::mutex mutex_;  // guards result_
  std::condition_variable_any ended_;
  PushesResult result_;
};

}  // namespace cooper::build
