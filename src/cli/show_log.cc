#include "cli/show_log.h"

namespace cooper::cli {

LogView::LogView(Output& out, LogForm form) : out_(out) {
  if (form == LogForm::raw || !out.is_terminal()) return;
  filter_.emplace(out.colours() == Colours::on ? log::Colour::kept : log::Colour::removed);
}

void LogView::write(std::string_view bytes) {
  if (filter_) {
    show(filter_->filter(bytes));
  } else {
    show(bytes);
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
