#pragma once
// How a build ended, for people and for scripts.

#include "cli/context.h"
#include "cli/show_log.h"

#include <string_view>

namespace cooper::cli {

/// Says on stderr why a build did not succeed, and returns what the command ends
/// with: 0 succeeded, 1 failed or abandoned, 6 superseded, 124 timed out, 130 canceled.
/// `line_above`: what stands just above on the same terminal; a reason is not repeated.
int report_outcome(const Context& context, const rack::BuildView& view,
                   std::string_view line_above = {});

/// For report_outcome: the last line of the log, if our messages follow it on the terminal.
std::string_view line_above(const Context& context, const Output& progress, const LogView& log);

}  // namespace cooper::cli
