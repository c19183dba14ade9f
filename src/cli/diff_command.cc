// `cooper builds diff`.

#include "base/text.h"
#include "build/diff.h"
#include "cli/context.h"
#include "cli/json_output.h"
#include "cli/table.h"

#include <array>
#include <cstdio>

namespace cooper::cli {

namespace {

/// One heading and its lines; nothing without lines.
class Report {
 public:
  explicit Report(const Context& context) : context_(context) {}

  void section(std::string_view title, const std::vector<std::string>& lines) {
    if (lines.empty()) return;
    context_.out.write((any_ ? "\n" : "") + styled(title, Style::heading, context_.out.colours()) +
                       "\n");
    for (const std::string& line : lines) context_.out.write("  " + printable(line) + "\n");
    any_ = true;
  }
  bool empty() const { return !any_; }

 private:
  const Context& context_;
  bool any_ = false;
};

std::vector<std::string> lines_of(const std::vector<build::NamedChange>& changes) {
  constexpr std::size_t kWidth = 9;  // "removed" and two spaces
  std::vector<std::string> lines;
  for (const build::NamedChange& change : changes) {
    std::string word(to_string(change.change));
    word.resize(kWidth, ' ');
    lines.push_back(word + change.name);
  }
  return lines;
}

std::vector<std::string> lines_of(const std::vector<build::TextChange>& changes) {
  constexpr std::string_view kDigest = "sha256:";
  constexpr std::size_t kShortDigest = kDigest.size() + 12;
  const auto shown = [&](const std::string& text) {
    if (text.empty()) return std::string("(none)");
    return text.starts_with(kDigest) ? text.substr(0, kShortDigest) : text;
  };
  std::vector<std::string> lines;
  for (const build::TextChange& change : changes) {
    lines.push_back(change.name + "  " + shown(change.before) + " -> " + shown(change.after));
  }
  return lines;
}

std::string run_text(const std::optional<build::StepTimes::Run>& run) {
  if (!run) return "-";
  if (run->cached) return "cached";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1fs", static_cast<double>(run->time.count()) / 1000);
  return text.data();
}

void show_steps(const Context& context, const std::vector<build::StepTimes>& steps) {
  if (steps.empty()) return;
  Table table({"SERVICE", "BEFORE", "AFTER", "STEP"});
  for (const build::StepTimes& step : steps) {
    table.add({{step.service}, {run_text(step.before)}, {run_text(step.after)}, {step.text}});
  }
  context.out.write("\n" + table.text(context.out.colours(), context.out.columns()));
}

int run_diff(Context& context, const Options& options) {
  const AppName app = resolve_app(context, options);
  const BuildId before = context.rack.resolve_build(app, options.words[0], Kind::build);
  const BuildId after = context.rack.resolve_build(
      app, options.words.size() > 1 ? options.words[1] : "last", Kind::build);
  const build::BuildDiff diff = context.rack.diff_builds(app, before, after);
  for (const std::string& line : diff.missing) print_warning(context, "not compared: " + line);
  if (options.json()) {
    context.out.write(diff_json(before, after, diff));
    return 0;
  }
  Report report(context);
  report.section("Source files", lines_of(diff.files));
  report.section("Build arguments", lines_of(diff.arguments));
  report.section("Build", lines_of(diff.facts));
  report.section("Base images", lines_of(diff.bases));
  report.section("Images", lines_of(diff.images));
  if (report.empty()) {
    context.out.write("Nothing that is kept of them is different, but for the times.\n");
  }
  show_steps(context, diff.steps);
  return 0;
}

constexpr std::array kPositionals = {
    Positional{.name = "A",
               .summary = "a build: an id, the beginning of one, last or last-failed",
               .offer = Offer::build},
    Positional{.name = "B",
               .summary = "what it is compared to (default: last)",
               .need = Positional::Need::optional,
               .offer = Offer::build}};
constexpr std::array kFlags = {kAppFlag, kFormatFlag};

constexpr std::array kCommands = {
    Command{.name = "builds diff",
            .summary = "Show what changed from one build to another",
            .positionals = kPositionals,
            .flags = kFlags,
            .examples = "cooper builds diff mwq3upiv71tsix -a hello\n"
                        "cooper builds diff mwq3upiv71tsix last-failed -a hello --format json",
            .run = run_diff}};

}  // namespace

std::span<const Command> diff_commands() { return kCommands; }

}  // namespace cooper::cli
