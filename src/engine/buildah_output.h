#pragma once
// What buildah prints while it builds: the steps in it, the noise to drop, and
// the last words that say why a build failed. Pure: bytes in, Progress calls out.

#include "engine/engine.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cooper::engine {

/// A line `[stage/stages] STEP number/total: text`; stage is 0 if there is but one.
struct StepLine {
  int stage = 0;
  int stages = 0;
  int number = 0;
  int total = 0;
  std::string text;  ///< as printed: "RUN make"
  bool operator==(const StepLine&) const = default;
};

/// Parses one whole line (without its newline); nullopt if it is no step line.
std::optional<StepLine> parse_step_line(std::string_view line);

/// Whose the last instruction is.
enum class LastStep { of_the_dockerfile, adds_labels };

/// Splits buildah's output into steps as it streams by.
///
/// A RUN whose last line has no newline is followed by buildah's next line
/// without a break ("partialSTEP 3/4: ..."), so step lines are looked for inside
/// lines, too. A RUN's own output may imitate them: one counts only if it has the
/// exact form and the number that must come next, so an imitation can at worst
/// begin a step early.
///
/// Costs a look at the first bytes of each line and one search over all.
/// Not thread-safe.
class BuildahOutput {
 public:
  /// `tags` are the names that the image is asked to get. Buildah commits to the
  /// first, and then lists all names that the image has, those of older builds too.
  /// `adds_labels`: the last instruction is one of ours (see BuildahEngine), which
  /// nobody is shown or told of.
  explicit BuildahOutput(Progress& progress, std::vector<std::string> tags = {},
                         LastStep last = LastStep::of_the_dockerfile)
      : progress_(progress),
        tags_(std::move(tags)),
        added_(last == LastStep::adds_labels ? 1 : 0) {}

  /// The next bytes, cut anywhere. All but noise goes to Progress::output at
  /// once, except the start of what may still become a special line.
  void feed(std::string_view bytes);
  /// Nothing came for a moment: gives out what feed() held back.
  void idle();
  /// No more bytes will come. error() and before_error() are known after it.
  void finish();

  /// The steps that began, in order; the last one runs, or ran last.
  const std::vector<StepLine>& steps() const noexcept { return steps_; }
  /// What the last step took from a cache, if all steps but FROM did so.
  struct Reused {
    std::string layer;        ///< id of its image, 64 hex digits
    bool came_from_registry;  ///< it was not here before
  };
  std::optional<Reused> reused() const;
  /// The text behind the last `Error: `, to the end of the output; empty if there was none.
  const std::string& error() const noexcept { return error_; }
  /// What was printed before that error, at most some KiB.
  const std::string& before_error() const noexcept { return before_error_; }

 private:
  /// What buildah says in a line of its own.
  enum class Saying { nothing, noise, step, cached, commit };
  struct Found {
    Saying what = Saying::nothing;
    std::size_t at = 0;  // where in the line it begins
    StepLine step;       // of `step`; of `commit` only the text
  };
  void remember(std::string_view bytes);
  /// Is the word STEP somewhere in a line? One search over all of feed()'s bytes tells.
  enum class StepWord { no, maybe };
  Found read_line(std::string_view line, StepWord step_word);
  Found read_glued(std::string_view line) const;
  void act_on(Found found, std::string_view line);
  bool is_older_tag(std::string_view line) const;
  std::optional<StepLine> read_step(std::string_view line) const;
  bool begins(const StepLine& next) const;
  void expect_after_step();
  std::size_t hold_from(std::string_view partial) const;
  void show(std::string_view bytes);

  Progress& progress_;
  std::vector<std::string> tags_;
  int added_;                  // instructions of ours at the end of the last stage
  std::string held_;           // the end of the output so far, not shown yet
  bool at_line_start_ = true;  // else a part of the line that held_ continues was shown
  bool after_step_ = false;    // the line before was a step line
  bool committing_ = false;
  int layers_ = 0;            // steps that make one
  int reused_ = 0;            // of them from a cache
  std::string reused_layer_;  // the last one's
  bool pulled_ = false;       // it came from a registry
  std::vector<StepLine> steps_;
  std::vector<std::string> next_steps_;  // how the lines that may come next begin
  std::string commit_line_;              // the whole line, if it may come next
  std::string tail_;                     // of all the output
  std::string error_;
  std::string before_error_;
};

}  // namespace cooper::engine
