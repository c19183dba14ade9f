#include "build/step_log.h"

#include "base/error.h"
#include "model/json.h"

#include <algorithm>
#include <fcntl.h>
#include <unistd.h>

namespace cooper::build {

StepLog::StepLog(const std::filesystem::path& path, mode_t mode)
    : fd_(open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND, mode)) {}

void StepLog::append(const Step& step) {
  const std::lock_guard lock(mutex_);
  write_all(fd_.get(), to_json_line(step));
}

void StepLog::sync() {
  if (::fsync(fd_.get()) != 0) throw_errno("fsync the steps");
}

namespace {

bool is_cacheable(std::string_view text) {
  return !text.starts_with("FROM ") && !text.starts_with("COMMIT") && !text.starts_with("PUSH ");
}

}  // namespace

ImageProgress::ImageProgress(std::string service, log::Channel& channel, StepLog& steps,
                             const log::Redactor& redactor, log::OutputClock& clock,
                             int last_number)
    : service_(std::move(service)),
      channel_(channel),
      steps_(steps),
      redactor_(redactor),
      clock_(clock),
      number_(last_number) {}

void ImageProgress::output(std::string_view bytes) {
  clock_.touch();
  channel_.write(bytes);
}

void ImageProgress::idle() { channel_.flush_partial(); }

void ImageProgress::step_started(std::string_view text) {
  if (step_) step_finished(0);
  if (is_cacheable(text)) ++cacheable_;
  step_ = Step{.service = service_,
               .number = ++number_,
               .text = redactor_.redact(text),
               .started = now(),
               .log_begin = channel_.position()};
}

void ImageProgress::step_cached() {
  if (!step_ || step_->cached) return;
  step_->cached = true;
  ++cached_;
}

void ImageProgress::step_finished(std::optional<int> exit_code) {
  if (!step_) return;
  step_->finished = now();
  step_->exit_code = exit_code;
  step_->log_end = channel_.position();
  steps_.append(*step_);
  step_.reset();
}

void ImageProgress::step_ended(const engine::EndedStep& step) {
  if (is_cacheable(step.text)) {
    ++cacheable_;
    if (step.cached) ++cached_;
  }
  number_ = std::max(number_, step.number);
  steps_.append({.service = service_,
                 .number = step.number,
                 .text = redactor_.redact(step.text),
                 .started = step.started,
                 .finished = step.finished,
                 .cached = step.cached,
                 .log_begin = step.log_begin,
                 .log_end = channel_.position(),
                 .exit_code = step.exit_code});
}

void ImageProgress::finish() {
  channel_.finish();
  step_finished(std::nullopt);
}

}  // namespace cooper::build
