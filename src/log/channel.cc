#include "log/channel.h"

#include <utility>

namespace cooper::log {

namespace {
constexpr std::size_t kLongestPartial = std::size_t{64} << 10;
}  // namespace

Channel::Channel(LogFile& file, std::string prefix, const Redactor* redactor)
    : file_(file), prefix_(std::move(prefix)), redactor_(redactor) {
  if (redactor_ != nullptr && !redactor_->empty()) redaction_.emplace(*redactor_);
}

void Channel::write(std::string_view bytes) { put(redaction_ ? redaction_->filter(bytes) : bytes); }

void Channel::put(std::string_view bytes) {
  if (prefix_.empty()) return append(bytes);
  const std::size_t newline = bytes.rfind('\n');
  if (newline != std::string_view::npos) {
    lines_.clear();
    lines_.swap(partial_);
    std::string_view whole = bytes.substr(0, newline + 1);
    while (!whole.empty()) {
      const std::size_t length = whole.find('\n') + 1;
      lines_ += whole.substr(0, length);
      whole.remove_prefix(length);
      if (!whole.empty()) lines_ += prefix_;  // the first line's comes from append
    }
    append(lines_);
    bytes.remove_prefix(newline + 1);
  }
  partial_ += bytes;
  if (partial_.size() >= kLongestPartial) flush_partial();
}

void Channel::append(std::string_view text) {
  if (text.empty()) return;
  file_.append_for(this, prefix_, text,
                   line_open_ ? LogFile::Start::continuation : LogFile::Start::line);
  line_open_ = text.back() != '\n';
}

void Channel::flush_partial() {
  append(partial_);
  partial_.clear();
}

void Channel::finish() {
  if (redaction_) put(redaction_->flush());
  flush_partial();
  if (line_open_ && !prefix_.empty()) file_.end_line_of(this);
}

void Channel::message(std::string_view line) {
  flush_partial();
  if (line_open_) file_.end_line_of(this);
  line_open_ = false;
  std::string text = redactor_ != nullptr ? redactor_->redact(line) : std::string(line);
  text += '\n';
  append(text);
}

}  // namespace cooper::log
