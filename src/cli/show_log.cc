#include "cli/show_log.h"

#include "log/log_tail.h"

#include <utility>

namespace cooper::cli {

LogView::LogView(Output& out, LogForm form) : out_(out) {
  if (form == LogForm::raw || (form == LogForm::harmless && !out.is_terminal())) return;
  filter_.emplace(out.colours() == Colours::on ? log::Colour::kept : log::Colour::removed);
}

void LogView::write(std::string_view bytes) {
  look_at_lines(bytes);
  if (filter_) {
    show(filter_->filter(bytes));
  } else {
    show(bytes);
  }
}

void LogView::look_at_lines(std::string_view bytes) {
  constexpr std::size_t kLongest = 2000;  // of messages of ours, and then some
  while (!bytes.empty()) {
    const std::size_t newline = bytes.find('\n');
    const std::string_view part = bytes.substr(0, newline);
    if (line_.size() < kLongest) line_ += part.substr(0, kLongest - line_.size());
    if (newline == std::string_view::npos) return;
    if (const auto cut = log::cut_by_limit(line_); !cut.empty()) cut_ = cut;
    last_line_ = std::exchange(line_, {});
    bytes.remove_prefix(newline + 1);
  }
}

void LogView::finish() {
  if (filter_) show(filter_->finish());
}

void LogView::end_line() {
  if (!at_line_start_) show("\n");
}

void LogView::show(std::string_view bytes) {
  if (bytes.empty()) return;
  at_line_start_ = bytes.back() == '\n';
  out_.write(bytes);
}

}  // namespace cooper::cli
