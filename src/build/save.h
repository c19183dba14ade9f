#pragma once
// Writes the images of a build as archives into a folder (`cooper build --output`).

#include "build/images.h"
#include "build/plan.h"
#include "build/step_log.h"
#include "engine/engine.h"
#include "log/log_file.h"

#include <filesystem>
#include <stop_token>

namespace cooper::build {

struct SaveParts {
  const Plan& plan;
  ImagesResult& made;  ///< all of them are; the steps of saving count as theirs
  engine::Engine& engine;
  log::LogFile& log;
  StepLog& steps;
  const log::Redactor& redactor;
  log::OutputClock& clock;
};

/// `<service>.tar` for each service, one after the other: each is there whole and durable,
/// in place of an older one, or not at all. A failure's reason names the service. Throws
/// Error.
engine::SaveResult save_images(const SaveParts& parts, const std::filesystem::path& folder,
                               std::stop_token stop);

}  // namespace cooper::build
