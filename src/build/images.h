#pragma once
// Makes all images of a plan, several at once.

#include "build/earlier_images.h"
#include "build/plan.h"
#include "build/step_log.h"
#include "engine/engine.h"
#include "log/log_file.h"

#include <atomic>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace cooper::build {

/// What came of one image.
struct MadeImage {
  engine::ImageResult result;
  std::optional<ImageOrigin> origin;  ///< absent if it could not be told
  std::string unchanged_since;        ///< id of the build that made it; empty: this one did
  int steps = 0;                      ///< how many it had
};

/// What came of a plan's images.
struct ImagesResult {
  std::vector<MadeImage> images;      ///< by index in Plan::images
  std::optional<std::size_t> failed;  ///< the first that failed; its siblings were canceled
};

/// What the lines of each image begin with, `service | `, padded to one width; empty
/// if there is but one.
std::vector<std::string> line_prefixes(const Plan& plan);

/// Makes the images of one plan on its own threads. The first failure cancels
/// the others. Lines are prefixed `service | ` when there is more than one image.
class ImageMaker {
 public:
  struct Parts {
    const Plan& plan;
    engine::Engine& engine;
    const EarlierImages& earlier;
    log::LogFile& log;
    StepLog& steps;
    const log::Redactor& redactor;
    log::OutputClock& clock;
    unsigned jobs;  ///< at least 1
  };
  explicit ImageMaker(Parts parts);

  /// Blocks until every image is made, failed or canceled, and no thread of it
  /// is left. `stop` cancels all.
  ImagesResult run(std::stop_token stop);

 private:
  void work();
  MadeImage make(std::size_t index);
  /// Of an earlier build, if nothing changed since.
  std::optional<EarlierImage> find_earlier(std::size_t index,
                                           const std::optional<ImageOrigin>& origin,
                                           ImageProgress& progress, log::Channel& channel);

  Parts parts_;
  std::vector<std::string> prefixes_;  ///< by image; padded to one width
  std::atomic<std::size_t> next_{0};
  std::stop_source stop_;
  std::mutex mutex_;  // guards result_
  ImagesResult result_;
};

}  // namespace cooper::build
