#pragma once
// What a command works with, and which app it means.

#include "base/error.h"
#include "base/time.h"
#include "cli/options.h"
#include "cli/output.h"
#include "model/names.h"
#include "rack/rack.h"

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace cooper::cli {

/// The surroundings of one command. Nothing is asked of them before it is needed.
struct Context {
  rack::Rack& rack;
  Output& out;  ///< data
  Output& err;  ///< progress and messages
  /// A variable of the environment; empty if unset.
  std::function<std::string(const char* name)> variable;
  std::function<Time()> clock;
  std::filesystem::path folder;  ///< the working folder; `.` will do
};

/// -a, else $COOPER_APP, else the name of `folder`. Error{invalid}, with a
/// proposal, if that is no app name; Error{not_found} if there is no such folder.
AppName resolve_app(const Context& context, const Options& options,
                    const std::filesystem::path& folder);
/// The same for the working folder.
AppName resolve_app(const Context& context, const Options& options);

/// For a command that needs the working folder, which is there no more.
Error no_working_folder();

/// "WARNING: text" on the messages' stream.
void print_warning(const Context& context, std::string_view text);

/// "ERROR: message" and its hint on the messages' stream.
void print_error(const Context& context, std::string_view message, std::string_view hint = {});

/// Exit code of a command line that can't be understood.
inline constexpr int kUsage = 2;

}  // namespace cooper::cli
