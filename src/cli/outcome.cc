#include "cli/outcome.h"

#include "base/error.h"

namespace cooper::cli {

int report_outcome(const Context& context, const rack::BuildView& view,
                   std::string_view line_above) {
  const Build& build = view.build;
  const bool is_told = line_above == "ERROR: " + build.reason;
  const std::string because = build.reason.empty() || is_told ? "" : ": " + build.reason;
  const std::string noun(to_string(build.kind));
  switch (view.status) {
    case DisplayStatus::canceled:
      if (!build.superseded_by.empty()) {
        print_error(context, noun + " superseded by " + build.superseded_by,
                    "a newer one of the same branch came before its turn (property supersede)");
        return exit_code(Errc::conflict);
      }
      print_error(context, noun + " canceled" + because);
      return exit_code(Errc::canceled);
    case DisplayStatus::abandoned:
      print_error(context, noun + " abandoned: its process is gone",
                  "cooper builds prune -a " + build.app.str() + " cleans up after it");
      return 1;
    case DisplayStatus::succeeded:
      return 0;
    case DisplayStatus::queued:
      print_error(context, noun + " is queued, but the process that waited is gone",
                  "cooper queue resume starts it again");
      return 1;
    case DisplayStatus::running:
    case DisplayStatus::failed:
      break;
  }
  print_error(context, noun + " failed" + because);
  return build.exit_code == kTimedOut ? kTimedOut : 1;
}

std::string_view line_above(const Context& context, const Output& progress, const LogView& log) {
  const bool together =
      &progress == &context.err || (progress.is_terminal() && context.err.is_terminal());
  return together ? std::string_view(log.last_line()) : std::string_view();
}

}  // namespace cooper::cli
