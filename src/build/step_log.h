#pragma once
// The steps of one build, as they happen: `<id>.steps.jsonl`.

#include "base/fd.h"
#include "engine/engine.h"
#include "log/capture.h"
#include "log/channel.h"
#include "log/redact.h"
#include "model/step.h"

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>

namespace cooper::build {

/// Appends finished steps, a line each, in one write. Thread-safe.
class StepLog {
 public:
  /// Throws Error.
  StepLog(const std::filesystem::path& path, mode_t mode);
  void append(const Step& step);
  void sync();

 private:
  std::mutex mutex_;
  Fd fd_;
};

/// What an engine reports of one image, written to log and steps. One thread.
class ImageProgress : public engine::Progress {
 public:
  /// `last_number`: of the steps that the service had before.
  ImageProgress(std::string service, log::Channel& channel, StepLog& steps,
                const log::Redactor& redactor, log::OutputClock& clock, int last_number = 0);

  void output(std::string_view bytes) override;
  void idle() override;
  void step_started(std::string_view text) override;
  void step_cached() override;
  void step_finished(std::optional<int> exit_code) override;
  std::uint64_t position() const override { return channel_.position(); }
  void step_ended(const engine::EndedStep& step) override;

  /// Ends the stream; an open step counts as interrupted.
  void finish();

  /// Steps that a cache can spare: all but the base image and the commit.
  int cacheable_steps() const { return cacheable_; }
  int cached_steps() const { return cached_; }
  int last_number() const { return number_; }

 private:
  std::string service_;
  log::Channel& channel_;
  StepLog& steps_;
  const log::Redactor& redactor_;
  log::OutputClock& clock_;
  std::optional<Step> step_;
  int number_ = 0;
  int cacheable_ = 0;
  int cached_ = 0;
};

}  // namespace cooper::build
