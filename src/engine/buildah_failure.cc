#include "engine/buildah_failure.h"

#include "base/text.h"

#include <array>
#include <csignal>
#include <cstring>
#include <optional>
#include <utility>

namespace cooper::engine {

namespace {

constexpr std::size_t kInstructionColumns = 80;
constexpr std::size_t kCauseColumns = 200;

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// One line of printable text.
std::string one_line(std::string_view text) {
  std::string line;
  for (const std::string_view part : split(text, '\n')) {
    const std::string_view piece = trim(part);
    if (piece.empty()) continue;
    if (!line.empty()) line += line.ends_with(':') ? " " : "; ";
    line += piece;
  }
  return shorten(printable(line), kCauseColumns);
}

/// "killed (SIGKILL)" for 137, "exit status 2" for 2.
std::string status_text(int code) {
  const int signal_number = code - 128;
  if (signal_number == SIGKILL) return "killed (SIGKILL)";
  if (signal_number > 0 && signal_number < NSIG) {
    if (const char* name = ::sigabbrev_np(signal_number)) {
      return "ended by signal SIG" + std::string(name);
    }
  }
  return "exit status " + std::to_string(code);
}

/// The signal that ended a RUN's first process, as an exit code; nullopt if none
/// did. Buildah then says it (in Go's words) in the line before its error, and
/// only "exit status 1" in the error.
std::optional<int> code_of_signal(std::string_view before_error) {
  constexpr std::array<std::string_view, 2> kMarks = {"container exited on ",
                                                      "subprocess exited on "};
  constexpr std::array<std::pair<std::string_view, int>, 6> kSignals = {{
      {"killed", SIGKILL},
      {"terminated", SIGTERM},
      {"segmentation fault", SIGSEGV},
      {"aborted", SIGABRT},
      {"interrupt", SIGINT},
      {"hangup", SIGHUP},
  }};
  const std::string_view last = trim(before_error.substr(trim(before_error).rfind('\n') + 1));
  for (const std::string_view mark : kMarks) {
    if (!contains(last, mark)) continue;
    for (const auto& [name, number] : kSignals) {
      if (last.ends_with(std::string(mark).append(name))) return 128 + number;
    }
  }
  return std::nullopt;
}

/// N of a text that ends with "exit status N".
std::optional<int> exit_status_in(std::string_view text) {
  constexpr std::string_view kMark = "exit status ";
  const std::size_t at = text.rfind(kMark);
  if (at == std::string_view::npos) return std::nullopt;
  const auto number = parse_number(text.substr(at + kMark.size()));
  if (!number || *number > 255) return std::nullopt;
  return static_cast<int>(*number);
}

/// `building at STEP "TEXT": CAUSE`. The text may hold quotes and colons itself.
struct AtStep {
  const StepLine* step;  // null if none has begun
  std::string_view text;
  std::string_view cause;
};

std::optional<AtStep> at_step(std::string_view error, const std::vector<StepLine>& steps) {
  constexpr std::string_view kMark = "building at STEP \"";
  constexpr std::string_view kEnd = "\": ";
  if (!error.starts_with(kMark)) return std::nullopt;
  error.remove_prefix(kMark.size());
  // The last one may be a RUN's imitation: the error knows better.
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    const std::size_t size = step->text.size();
    if (!error.starts_with(step->text) || !error.substr(size).starts_with(kEnd)) continue;
    return AtStep{&*step, error.substr(0, size), error.substr(size + kEnd.size())};
  }
  // Arguments given as a list are printed in another way than in the step's line.
  const std::size_t at = exit_status_in(error) ? error.rfind(kEnd) : error.find(kEnd);
  if (at == std::string_view::npos) return std::nullopt;
  return AtStep{steps.empty() ? nullptr : &steps.back(), error.substr(0, at),
                error.substr(at + kEnd.size())};
}

/// "step 2/3 RUN make (Dockerfile:5): "
std::string where(const StepLine* step, std::string_view place) {
  if (!step) return {};
  std::string text;
  if (step->stage != 0) {
    text = "stage " + std::to_string(step->stage) + "/" + std::to_string(step->stages) + ", ";
  }
  text += "step " + std::to_string(step->number) + "/" + std::to_string(step->total) + " ";
  text += shorten(printable(trim(step->text)), kInstructionColumns);
  if (!place.empty()) text.append(" (").append(place).append(")");
  return text + ": ";
}

constexpr std::string_view kDiskFull =
    "no space left on device: free some space where the images are kept, then build again";

/// The quoted word that begins at the end of `mark`, quotes included; else empty.
std::string quoted_after(std::string_view text, std::string_view mark) {
  const std::size_t at = text.find(mark);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + mark.size());
  return "\"" + shorten(printable(text.substr(0, text.find('"'))), kInstructionColumns) + "\"";
}

/// The program that a RUN could not start because the image lacks it; else empty.
std::string absent_program(std::string_view before_error) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kSayings = {{
      {R"(unable to start container process: exec: \")", R"(\": )"},  // runc, in its log's quotes
      {"process failed to start with error: fork/exec ", ": no such file"},  // chroot
  }};
  for (const auto& [mark, end] : kSayings) {
    const std::size_t at = before_error.rfind(mark);
    if (at == std::string_view::npos) continue;
    const std::string_view rest = before_error.substr(at + mark.size());
    const std::size_t size = rest.find(end);
    const std::string_view why = rest.substr(0, rest.find('\n'));
    if (size >= why.size()) continue;
    if (!contains(why, "o such file") && !contains(why, "executable file not found")) continue;
    return "\"" + shorten(printable(rest.substr(0, size)), kInstructionColumns) + "\"";
  }
  return {};
}

/// Can a kill for memory be why something ended with `code`?
bool explains(MemoryKills kills, int code) {
  return kills == MemoryKills::in_build || (kills == MemoryKills::on_host && code == 128 + SIGKILL);
}

/// Why a RUN that ended with `code` did.
std::string run_cause(int code, std::string_view before_error, MemoryKills kills) {
  if (explains(kills, code)) {
    return code == 128 + SIGKILL
               ? "killed: out of memory"
               : status_text(code) + ", and the kernel killed a process: out of memory";
  }
  if (const std::string program = absent_program(before_error); !program.empty()) {
    return program + " is not in the image";
  }
  if (contains(before_error, "o space left on device")) {
    return status_text(code) + ": no space left on device";
  }
  return status_text(code);
}

/// What went wrong in an instruction that is not a command's own failure.
std::string instruction_cause(std::string_view instruction, std::string_view cause) {
  if (contains(cause, "no space left on device")) return std::string(kDiskFull);
  if (const auto word = quoted_after(cause, "Unknown instruction: \""); !word.empty()) {
    return "unknown instruction " + word + ": check its spelling in the Dockerfile";
  }
  if (contains(cause, "checking on sources under") && contains(cause, "no such file")) {
    const std::string path = quoted_after(cause, "copier: stat: \"");
    if (contains(instruction, "--from=")) return path + " is not in the image it is copied from";
    return path + " is not in the build context (does .dockerignore exclude it?)";
  }
  return one_line(cause);
}

/// Errors that no step is to blame for.
std::string general_cause(std::string_view error) {
  if (contains(error, "no space left on device")) return std::string(kDiskFull);
  if (error.starts_with("no FROM statement found")) return "the Dockerfile has no FROM instruction";
  if (error.starts_with("no contents in ")) return "the Dockerfile is empty";
  if (const auto target = quoted_after(error, "The target \""); !target.empty()) {
    return "the Dockerfile has no stage named " + target;
  }
  return one_line(error);
}

/// The image whose pull failed: as buildah names it, else the FROM's first word.
std::string base_of(const BuildahOutput& output) {
  constexpr std::string_view kSource = "initializing source docker://";
  const std::string_view error = output.error();
  if (const std::size_t at = error.find(kSource); at != std::string_view::npos) {
    const std::string_view rest = error.substr(at + kSource.size());
    return std::string(rest.substr(0, rest.find(": ")));
  }
  std::string_view text =
      output.steps().empty() ? "" : std::string_view(output.steps().back().text);
  if (text.starts_with("FROM ")) text.remove_prefix(5);
  while (text.starts_with("--")) text = trim(text.substr(std::min(text.find(' '), text.size())));
  return std::string(text.substr(0, text.find(' ')));
}

}  // namespace

std::string explain_pull(std::string_view image, std::string_view error) {
  if (contains(error, "no space left on device")) {
    return "base image " + printable(image) + " can't be pulled: " + std::string(kDiskFull);
  }
  // Behind the URL that could not be read is what matters; else the whole text.
  std::string_view cause = error;
  if (const std::size_t at = error.rfind("/v2/\": "); at != std::string_view::npos) {
    cause = error.substr(at + 7);
  } else if (const std::size_t source = error.find("docker://" + std::string(image) + ": ");
             source != std::string_view::npos) {
    cause = error.substr(source + image.size() + 11);
  }
  std::string advice = "check its name and that its registry can be reached";
  if (contains(error, "unauthorized") || contains(error, "denied")) {
    advice = "check its name, or log in with `buildah login`";
  } else if (contains(error, "manifest unknown") || contains(error, "not found")) {
    advice = "check its name and tag";
  }
  return "base image " + printable(image) + " can't be pulled: " + one_line(cause) + "; " + advice;
}

Failure explain_failure(const BuildahOutput& output, const process::ExitStatus& status,
                        MemoryKills kills, std::string_view place) {
  Failure failure{.exit_code = status.code == 0 ? 1 : status.code, .reason = {}};
  const StepLine* last = output.steps().empty() ? nullptr : &output.steps().back();
  if (status.signal != 0) {
    failure.reason = where(last, place) + "buildah was ";
    failure.out_of_memory = status.signal == SIGKILL && kills != MemoryKills::none;
    if (failure.out_of_memory) {
      failure.reason += "killed: out of memory";
    } else {
      failure.reason += (status.signal == SIGKILL ? "" : "ended: ") + status_text(status.code);
    }
    return failure;
  }
  const std::string_view error = trim(output.error());
  if (const auto at = at_step(error, output.steps())) {
    if (const auto code = exit_status_in(at->cause)) {
      failure.exit_code = code_of_signal(output.before_error()).value_or(*code);
      failure.out_of_memory = explains(kills, failure.exit_code);
      failure.reason = where(at->step, at->step == last ? place : "") +
                       run_cause(failure.exit_code, output.before_error(), kills);
    } else {
      failure.reason =
          where(at->step, at->step == last ? place : "") + instruction_cause(at->text, at->cause);
    }
  } else if (error.starts_with("creating build container: ")) {
    failure.reason = explain_pull(base_of(output), error.substr(error.find(": ") + 2));
  } else if (contains(error, "no stage or image found with that name")) {
    failure.reason = where(last, place) + "no stage and no image has the name it copies from";
  } else if (error.empty()) {
    failure.reason = where(last, place) + "buildah ended with " + status_text(status.code);
  } else {
    failure.reason = general_cause(error);
  }
  return failure;
}

}  // namespace cooper::engine
