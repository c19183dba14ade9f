#include "engine/buildah_output.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace cooper::engine {

namespace {

constexpr std::size_t max_held = std::size_t{64} << 10;
constexpr std::size_t max_error = std::size_t{16} << 10;

constexpr std::string_view step_mark = "STEP ";
constexpr std::string_view commit_mark = "COMMIT";
constexpr std::string_view cache_mark = "--> Using cache ";
constexpr std::string_view error_mark = "Error: ";
constexpr std::string_view log_mark = "time=\"";
constexpr std::array<std::string_view, 2> ended_marks = {"container exited on ",
                                                         "subprocess exited on "};
constexpr std::array<std::string_view, 7> marks = {
    step_mark, commit_mark, cache_mark, error_mark, log_mark, ended_marks[0], ended_marks[1]};

/// Messages of buildah's own logger that tell a user nothing. What is behind
/// them varies (paths, dumps of Go structures), so they match by their beginning.
constexpr std::array<std::string_view, 2> noise = {
    // Another package's network file, not used here: builds run on the host's network.
    "level=warning msg=\"Error validating CNI config file ",
    // A debug dump; the error that follows says the same.
    "level=error msg=\"+(UNHANDLED LOGLEVEL) &imagebuilder.Step{",
};

bool digit(char c) { return c >= '0' && c <= '9'; }

/// Reads a number of at most 4 digits off the front; 0 if there is none.
int take_number(std::string_view& text) {
  int value = 0;
  const char* end = text.data() + std::min<std::size_t>(text.size(), 4);
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || !digit(text.front())) return 0;
  text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  return value;
}

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// `[2/3] ` off the front, if it is there and well-formed; else leaves all.
void take_stage(std::string_view& text, StepLine& into) {
  std::string_view rest = text;
  if (!take(rest, "[")) return;
  const int stage = take_number(rest);
  if (stage == 0 || !take(rest, "/")) return;
  const int stages = take_number(rest);
  if (stages < stage || !take(rest, "] ")) return;
  into.stage = stage;
  into.stages = stages;
  text = rest;
}

/// Could this beginning of a line become one that read_line() knows?
bool promising(std::string_view head) {
  if (head.starts_with('[')) {
    StepLine ignored;
    std::string_view rest = head;
    take_stage(rest, ignored);
    if (ignored.stage == 0) {
      return head.size() < 14 && std::ranges::all_of(head.substr(1), [](char c) {
               return digit(c) || c == '/' || c == ']' || c == ' ';
             });
    }
    return rest.starts_with(step_mark) || step_mark.starts_with(rest) ||
           rest.starts_with(commit_mark) || commit_mark.starts_with(rest);
  }
  return std::ranges::any_of(marks, [&](std::string_view mark) {
    return head.starts_with(mark) || mark.starts_with(head);
  });
}

bool is_noise(std::string_view line) {
  if (!take(line, log_mark)) return false;
  const std::size_t quote = line.substr(0, 64).find("\" ");
  if (quote == std::string_view::npos) return false;
  line.remove_prefix(quote + 2);
  return std::ranges::any_of(noise, [&](std::string_view mark) { return line.starts_with(mark); });
}

bool is_id(std::string_view text) {
  return text.size() == 64 &&
         std::ranges::all_of(text, [](char c) { return digit(c) || (c >= 'a' && c <= 'f'); });
}

}  // namespace

std::optional<StepLine> parse_step_line(std::string_view line) {
  StepLine step;
  take_stage(line, step);
  if (!take(line, step_mark) || line.empty()) return std::nullopt;
  step.number = take_number(line);
  if (step.number == 0 || !take(line, "/") || line.empty()) return std::nullopt;
  step.total = take_number(line);
  if (step.total < step.number || !take(line, ": ")) return std::nullopt;
  step.text = line;
  return step;
}

void BuildahOutput::show(std::string_view bytes) {
  if (!bytes.empty()) progress_.output(bytes);
}

/// Whether `next` is what must follow the step that runs.
bool BuildahOutput::begins(const StepLine& next) const {
  if (!step_) return next.number == 1;
  if (next.stages != step_->stages || committing_) return false;
  if (next.stage == step_->stage) {
    return next.total == step_->total && next.number == step_->number + 1;
  }
  return next.stage > step_->stage && next.number == 1 && step_->number == step_->total;
}

BuildahOutput::Line BuildahOutput::read_line(std::string_view line, std::string_view before) {
  std::string_view text = line;
  if (text.ends_with('\n')) text.remove_suffix(1);
  const bool after_step = std::exchange(after_step_, false);
  if (is_noise(text)) {
    after_step_ = after_step;
    show(before);
    return Line::done;
  }
  if (auto step = parse_step_line(text); step && begins(*step)) {
    show(before);
    step_ = std::move(step);
    after_step_ = true;
    in_error_ = false;
    ended_by_.clear();
    progress_.step_started(step_->text);
    show(line);
    return Line::done;
  }
  // It is printed at once behind the step's own line, before anything else.
  if (after_step && text.starts_with(cache_mark) && is_id(text.substr(cache_mark.size()))) {
    show(before);
    progress_.step_cached();
    show(line);
    return Line::done;
  }
  StepLine commit;
  std::string_view rest = text;
  take_stage(rest, commit);
  if (step_ && step_->number == step_->total && !committing_ && commit.stage == step_->stage &&
      commit.stage == commit.stages && (rest == commit_mark || rest.starts_with("COMMIT "))) {
    show(before);
    committing_ = true;
    progress_.step_started(rest);
    show(line);
    return Line::done;
  }
  if (text.starts_with(error_mark)) {
    error_ = text.substr(error_mark.size(), max_error);
    in_error_ = true;
  }
  for (const std::string_view mark : ended_marks) {
    if (text.starts_with(mark)) ended_by_ = text.substr(mark.size(), 64);
  }
  return Line::passes;
}

void BuildahOutput::feed(std::string_view bytes) {
  std::size_t shown = 0;  // bytes before it are done with
  std::size_t at = 0;
  if (!held_.empty()) {
    const std::size_t newline = bytes.find('\n');
    at = shown = newline == std::string_view::npos ? bytes.size() : newline + 1;
    held_.append(bytes.substr(0, at));
    if (newline == std::string_view::npos && promising(held_) && held_.size() < max_held) return;
    const std::string line = std::exchange(held_, {});
    at_line_start_ = newline != std::string_view::npos;
    if (!at_line_start_ || read_line(line, {}) == Line::passes) show(line);
  }
  while (at < bytes.size()) {
    const std::size_t newline = bytes.find('\n', at);
    const bool whole = newline != std::string_view::npos;
    const std::size_t end = whole ? newline + 1 : bytes.size();
    const std::string_view line = bytes.substr(at, end - at);
    if (at_line_start_ && promising(line)) {
      if (!whole && line.size() < max_held) {
        show(bytes.substr(shown, at - shown));
        held_ = line;
        return;
      }
      if (whole && read_line(line, bytes.substr(shown, at - shown)) == Line::done) shown = end;
    } else {
      after_step_ = false;
      if (in_error_ && error_.size() < max_error) {
        error_.append("\n").append(line.substr(0, whole ? line.size() - 1 : line.size()));
      }
    }
    at_line_start_ = whole;
    at = end;
  }
  show(bytes.substr(shown));
}

void BuildahOutput::idle() {
  if (!held_.empty()) {
    // Buildah writes its own lines whole: this one is a program's.
    show(std::exchange(held_, {}));
    at_line_start_ = false;
  }
  progress_.idle();
}

void BuildahOutput::finish() {
  if (held_.empty()) return;
  const std::string line = std::exchange(held_, {});
  if (read_line(line, {}) == Line::passes) show(line);
}

}  // namespace cooper::engine
