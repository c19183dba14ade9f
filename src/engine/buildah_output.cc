#include "engine/buildah_output.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace cooper::engine {

namespace {

constexpr std::size_t kMaxHeld = std::size_t{64} << 10;
constexpr std::size_t kMaxTail = std::size_t{64} << 10;
constexpr std::size_t kMaxBeforeError = std::size_t{4} << 10;

constexpr std::string_view kStepMark = "STEP ";
constexpr std::string_view kCommitMark = "COMMIT";
constexpr std::string_view kCacheMark = "--> Using cache ";
constexpr std::size_t kIdSize = 64;
constexpr std::string_view kPulledMark = "--> Cache pulled from remote ";
constexpr std::string_view kErrorMark = "Error: ";
constexpr std::string_view kStepErrorMark = "Error: building at STEP \"";
constexpr std::string_view kLogMark = "time=\"";
constexpr std::string_view kTaggedMark = "Successfully tagged ";
constexpr std::array<std::string_view, 6> kMarks = {kStepMark,   kCommitMark, kCacheMark,
                                                    kPulledMark, kLogMark,    kTaggedMark};

/// Messages of buildah's own logger that tell a user nothing. What is behind
/// them varies (paths, dumps of Go structures), so they match by their beginning.
constexpr std::array<std::string_view, 2> kNoise = {
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
    return rest.starts_with(kStepMark) || kStepMark.starts_with(rest) ||
           rest.starts_with(kCommitMark) || kCommitMark.starts_with(rest);
  }
  return std::ranges::any_of(kMarks, [&](std::string_view mark) {
    return head.starts_with(mark) || mark.starts_with(head);
  });
}

bool is_noise(std::string_view line) {
  if (!take(line, kLogMark)) return false;
  const std::size_t quote = line.substr(0, 64).find("\" ");
  if (quote == std::string_view::npos) return false;
  line.remove_prefix(quote + 2);
  return std::ranges::any_of(kNoise, [&](std::string_view mark) { return line.starts_with(mark); });
}

bool is_id(std::string_view text) {
  return text.size() == kIdSize &&
         std::ranges::all_of(text, [](char c) { return digit(c) || (c >= 'a' && c <= 'f'); });
}

}  // namespace

std::optional<StepLine> parse_step_line(std::string_view line) {
  StepLine step;
  take_stage(line, step);
  if (!take(line, kStepMark) || line.empty()) return std::nullopt;
  step.number = take_number(line);
  if (step.number == 0 || !take(line, "/") || line.empty()) return std::nullopt;
  step.total = take_number(line);
  if (step.total < step.number || !take(line, ": ")) return std::nullopt;
  step.text = line;
  return step;
}

namespace {

/// A step's line with its own total.
std::string recounted(const StepLine& step, std::string_view line) {
  const std::size_t number = line.find(kStepMark) + kStepMark.size();
  const std::size_t slash = line.find('/', number);
  const std::size_t colon = line.find(": ", slash);
  return std::string(line.substr(0, slash + 1)) + std::to_string(step.total) +
         std::string(line.substr(colon));
}

}  // namespace

std::optional<BuildahOutput::Reused> BuildahOutput::reused() const {
  if (layers_ == 0 || reused_ != layers_) return std::nullopt;
  return Reused{.layer = reused_layer_, .came_from_registry = pulled_};
}

void BuildahOutput::show(std::string_view bytes) {
  if (!bytes.empty()) progress_.output(bytes);
}

/// Keeps the end of the output, where a failed build's error is.
void BuildahOutput::remember(std::string_view bytes) {
  if (bytes.size() > kMaxTail) bytes.remove_prefix(bytes.size() - kMaxTail);
  tail_ += bytes;
  if (tail_.size() > 2 * kMaxTail) tail_.erase(0, tail_.size() - kMaxTail);
}

/// The name is one that an earlier build gave to the same image.
bool BuildahOutput::is_older_tag(std::string_view line) const {
  return committing_ && take(line, kTaggedMark) && std::ranges::find(tags_, line) == tags_.end();
}

/// Counted without ours: that one's number is its total plus 1.
std::optional<StepLine> BuildahOutput::read_step(std::string_view line) const {
  std::optional<StepLine> step = parse_step_line(line);
  if (step && step->stage == step->stages) step->total -= added_;
  return step;
}

/// Whether `next` is what must follow the step that runs.
bool BuildahOutput::begins(const StepLine& next) const {
  if (steps_.empty()) return next.number == 1;
  const StepLine& step = steps_.back();
  if (next.stages != step.stages || committing_) return false;
  if (next.stage == step.stage) {
    return next.total == step.total && next.number == step.number + 1;
  }
  return next.stage > step.stage && next.number == 1 && step.number == step.total;
}

/// Works out how the lines that begins() accepts look.
void BuildahOutput::expect_after_step() {
  const StepLine& step = steps_.back();
  const auto prefix = [&](int stage) {
    return stage == 0 ? std::string()
                      : "[" + std::to_string(stage) + "/" + std::to_string(step.stages) + "] ";
  };
  next_steps_.clear();
  commit_line_.clear();
  const int total = step.total + (step.stage == step.stages ? added_ : 0);
  if (step.number < total) {
    next_steps_.push_back(prefix(step.stage) + "STEP " + std::to_string(step.number + 1) + "/" +
                          std::to_string(total) + ": ");
    return;
  }
  for (int stage = step.stage + 1; stage <= step.stages; ++stage) {  // some may be skipped
    next_steps_.push_back(prefix(stage) + "STEP 1/");
  }
  if (step.stage == step.stages) {
    commit_line_ = prefix(step.stage).append(kCommitMark);
    if (!tags_.empty()) commit_line_ += " " + tags_.front();
  }
}

/// What a whole line (without its newline) says.
BuildahOutput::Found BuildahOutput::read_line(std::string_view line, StepWord step_word) {
  const bool after_step = std::exchange(after_step_, false);
  if (at_line_start_ && promising(line)) {
    if (is_noise(line) || is_older_tag(line)) {
      after_step_ = after_step;
      return {.what = Saying::noise};
    }
    if (auto step = read_step(line); step && begins(*step)) {
      return {.what = Saying::step, .step = *std::move(step)};
    }
    // The layer of the next line came from a registry.
    if (after_step && line.starts_with(kPulledMark)) {
      after_step_ = true;
      pulled_ = true;
      return {};
    }
    // It is printed at once behind the step's own line, before anything else.
    if (after_step && line.starts_with(kCacheMark) && is_id(line.substr(kCacheMark.size()))) {
      return {.what = Saying::cached};
    }
  }
  if (step_word == StepWord::maybe || (!commit_line_.empty() && line.ends_with(commit_line_))) {
    return read_glued(line);
  }
  return {};
}

/// A step line that follows a RUN's last words without a newline between them.
BuildahOutput::Found BuildahOutput::read_glued(std::string_view line) const {
  if (committing_) return {};
  std::size_t last = std::string_view::npos;
  for (const std::string& mark : next_steps_) {
    const std::size_t at = line.rfind(mark);
    if (at != std::string_view::npos && (last == std::string_view::npos || at > last)) last = at;
  }
  if (last != std::string_view::npos) {
    auto step = read_step(line.substr(last));
    if (step && begins(*step)) return {.what = Saying::step, .at = last, .step = *std::move(step)};
  }
  if (!commit_line_.empty() && line.ends_with(commit_line_)) {
    return {.what = Saying::commit,
            .at = line.size() - commit_line_.size(),
            .step = {.text = commit_line_.substr(commit_line_.find(kCommitMark))}};
  }
  return {};
}

/// `line` begins where the saying begins.
void BuildahOutput::act_on(Found found, std::string_view line) {
  switch (found.what) {
    case Saying::nothing:
      break;
    case Saying::noise:
      return;
    case Saying::step:
      steps_.push_back(std::move(found.step));
      after_step_ = true;
      expect_after_step();
      if (steps_.back().number > steps_.back().total) {
        steps_.pop_back();
        return progress_.step_finished(0);
      }
      if (!steps_.back().text.starts_with("FROM ")) ++layers_;
      pulled_ = false;
      progress_.step_started(steps_.back().text);
      if (added_ != 0) return show(recounted(steps_.back(), line));
      break;
    case Saying::cached:
      ++reused_;
      reused_layer_ = line.substr(kCacheMark.size(), kIdSize);
      progress_.step_cached();
      break;
    case Saying::commit:
      committing_ = true;
      commit_line_.clear();
      progress_.step_started(found.step.text);
      break;
  }
  show(line);
}

/// Where in an unfinished line the bytes begin that may become something
/// special; its size if there are none.
std::size_t BuildahOutput::hold_from(std::string_view partial) const {
  if (partial.size() >= kMaxHeld) return partial.size();
  if (at_line_start_ && promising(partial)) return 0;
  std::size_t from = partial.size();
  const auto look_for = [&](std::string_view mark) {
    from = std::min(from, partial.find(mark));
    for (std::size_t size = std::min(mark.size() - 1, partial.size()); size > 0; --size) {
      if (!partial.ends_with(mark.substr(0, size))) continue;
      from = std::min(from, partial.size() - size);
      break;
    }
  };
  for (const std::string& mark : next_steps_) look_for(mark);
  if (!commit_line_.empty()) look_for(commit_line_);
  return from;
}

void BuildahOutput::feed(std::string_view bytes) {
  remember(bytes);
  std::string joined;
  if (!held_.empty()) {
    joined = std::exchange(held_, {}).append(bytes);
    bytes = joined;
  }
  std::size_t shown = 0;  // bytes before it are done with
  std::size_t at = 0;     // where the line begins
  std::size_t mark = bytes.find(kStepMark);
  for (std::size_t newline = bytes.find('\n'); newline != std::string_view::npos;
       newline = bytes.find('\n', at)) {
    const std::string_view line = bytes.substr(at, newline - at);
    Found found = read_line(line, mark < newline ? StepWord::maybe : StepWord::no);
    at_line_start_ = true;
    if (found.what != Saying::nothing) {
      const std::size_t begin = at + found.at;
      show(bytes.substr(shown, begin - shown));
      shown = newline + 1;
      act_on(std::move(found), bytes.substr(begin, shown - begin));
    }
    at = newline + 1;
    if (mark < at) mark = bytes.find(kStepMark, at);
  }
  const std::string_view partial = bytes.substr(at);
  const std::size_t hold = hold_from(partial);
  show(bytes.substr(shown, at + hold - shown));
  if (hold > 0) at_line_start_ = false;
  held_ = partial.substr(hold);
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
  if (!held_.empty()) {
    const std::string line = std::exchange(held_, {});
    Found found = read_line(line, StepWord::maybe);
    const std::size_t begin = found.at;
    show(std::string_view(line).substr(0, begin));
    act_on(std::move(found), std::string_view(line).substr(begin));
  }
  // It is the last that buildah says. One that follows a RUN's unfinished line
  // is found by its longer form, or as the last line's last.
  const std::string_view tail = tail_;
  std::size_t at = tail.rfind(kStepErrorMark);
  const std::size_t fresh = tail.rfind("\nError: ");
  if (fresh != std::string_view::npos && (at == std::string_view::npos || fresh + 1 > at)) {
    at = fresh + 1;
  } else if (at == std::string_view::npos && tail.starts_with(kErrorMark)) {
    at = 0;
  } else if (at == std::string_view::npos) {
    const std::size_t last_line = tail.substr(0, tail.find_last_not_of('\n') + 1).rfind('\n') + 1;
    at = tail.rfind(kErrorMark);
    if (at != std::string_view::npos && at < last_line) at = std::string_view::npos;
  }
  if (at == std::string_view::npos) return;
  error_ = tail.substr(at + kErrorMark.size());
  const std::size_t begin = at > kMaxBeforeError ? at - kMaxBeforeError : 0;
  before_error_ = tail.substr(begin, at - begin);
}

}  // namespace cooper::engine
