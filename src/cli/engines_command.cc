// `cooper engines`.

#include "cli/context.h"
#include "cli/json_output.h"
#include "cli/table.h"

#include <array>

namespace cooper::cli {

namespace {

int run_engines(Context& context, const Options& options) {
  std::optional<AppName> app;
  if (options.app) app = AppName::parse(*options.app).value();
  const auto engines = context.rack.list_engines(app ? &*app : nullptr);
  if (options.json()) {
    context.out.write(engines_json(engines));
    return 0;
  }
  Table table({"ENGINE", "VERSION", "WHERE", "STATE"});
  for (const engine::EngineReport& report : engines) {
    Cell state{report.missing.empty() ? "ready" : report.missing};
    if (!report.chosen.empty()) {
      state.text += "; used: " + report.chosen;
      state.style = report.missing.empty() ? Style::good : Style::bad;
    } else if (!report.missing.empty()) {
      state.style = Style::faint;
    }
    table.add({{std::string(to_string(report.kind))}, {report.version}, {report.place}, state});
  }
  context.out.write(table.text(context.out.colours(), context.out.columns()));
  return 0;
}

constexpr Flag kWhose{.name = "app",
                      .letter = 'a',
                      .value = "APP",
                      .summary = "what builds of this app would use (default: of any)",
                      .target = &Options::app,
                      .offer = Offer::app};
constexpr std::array kFlags = {kWhose, kFormatFlag};

constexpr std::array kCommands = {
    Command{.name = "engines",
            .summary = "List what can make images here, and what builds use, and why",
            .flags = kFlags,
            .examples = "cooper engines -a hello",
            .run = run_engines}};

}  // namespace

std::span<const Command> engines_commands() { return kCommands; }

}  // namespace cooper::cli
