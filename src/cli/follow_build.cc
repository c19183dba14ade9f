#include "cli/follow_build.h"

#include "base/text.h"

#include <string>
#include <vector>

namespace cooper::cli {

rack::IfLocked if_locked(const Options& options) {
  return options.no_wait ? rack::IfLocked::fail : rack::IfLocked::wait;
}

void warn_of_near_miss(const Context& context, const AppName& name) {
  if (context.rack.find_app(name)) return;
  std::vector<std::string> names;
  for (const App& app : context.rack.list_apps()) names.push_back(app.name.str());
  if (const auto near = nearest(name.str(), names)) {
    print_warning(context, "app " + name.str() + " is new; there is an app " + *near);
  }
}

bool follow_to_end(const Context& context, const Build& build, const Interrupts& interrupts,
                   LogView& view, LastLine last_line) {
  const auto sink = [&](std::string_view bytes) { view.write(bytes); };
  const std::uint64_t offset =
      context.rack.follow_log(build.app, build.id, 0, sink, interrupts.first());
  if (interrupts.first().stop_requested() &&
      !is_terminal(context.rack.get_build(build.app, build.id).build.status)) {
    // The terminal has shown ^C on the line it was on.
    context.err.write((context.err.is_terminal() ? "\n" : "") + std::string("Canceling build ") +
                      build.id.str() + "... (Ctrl-C again: don't wait for it)\n");
    context.rack.request_cancel(build.app, build.id);
    context.rack.follow_log(build.app, build.id, offset, sink, interrupts.second());
  }
  view.finish();
  if (last_line == LastLine::ended) view.end_line();
  const bool left = interrupts.second().stop_requested() &&
                    !is_terminal(context.rack.get_build(build.app, build.id).build.status);
  if (left) {
    context.err.write("Build " + build.id.str() +
                      " is still being canceled; see: cooper builds info " + build.id.str() +
                      " -a " + build.app.str() + "\n");
  }
  return !left;
}

}  // namespace cooper::cli
