#pragma once
// What buildah prints while it builds: the steps in it, the noise to drop, and
// the last words that say why a build failed. Pure: bytes in, Progress calls out.

#include "engine/engine.h"

#include <optional>
#include <string>
#include <string_view>

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

/// Splits buildah's output into steps as it streams by. A RUN's own output may
/// imitate buildah's lines: a line counts only if it has the exact form and the
/// number that must come next, so an imitation can at worst begin a step early.
///
/// Costs one memchr and one look at the first bytes for a line that is not
/// special. Not thread-safe.
class BuildahOutput {
 public:
  explicit BuildahOutput(Progress& progress) : progress_(progress) {}

  /// The next bytes, cut anywhere. All but noise goes to Progress::output at
  /// once, except the start of a line that may still become a special one.
  void feed(std::string_view bytes);
  /// Nothing came for a moment: gives out what feed() held back.
  void idle();
  /// No more bytes will come.
  void finish();

  /// The step that runs, or ran last.
  const std::optional<StepLine>& step() const noexcept { return step_; }
  /// The text behind the last `Error: `, with the lines that followed it, cut
  /// at some 16 KiB; empty if there was none.
  const std::string& error() const noexcept { return error_; }
  /// "killed" if the last RUN's first process was ended by a signal (Go's names).
  const std::string& ended_by() const noexcept { return ended_by_; }

 private:
  enum class Line { passes, done };
  /// Reads a whole line (with its newline, except at the end). If it is special
  /// it is done with, and so is `before`, the bytes ahead of it that are not yet shown.
  Line read_line(std::string_view line, std::string_view before);
  bool begins(const StepLine& next) const;
  void show(std::string_view bytes);

  Progress& progress_;
  std::string held_;           // the beginning of a line that may be special
  bool at_line_start_ = true;  // else the rest of the line is passed through unread
  bool after_step_ = false;    // the line before was a step line
  bool committing_ = false;
  std::optional<StepLine> step_;
  std::string error_;
  bool in_error_ = false;
  std::string ended_by_;
};

}  // namespace cooper::engine
