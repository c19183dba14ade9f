#include "cli/follow_build.h"

#include "base/text.h"

#include <stop_token>
#include <string>
#include <utility>
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

void say_it_goes_on(const Context& context, const Build& build) {
  context.err.write("Build " + build.id.str() + " goes on; see: cooper builds logs " +
                    build.id.str() + " -a " + build.app.str() + "\n");
}

namespace {

/// One stop for two: whichever is requested first.
class Either {
 public:
  Either(std::stop_token one, std::stop_token other)
      : at_one_(std::move(one), Request{both_}), at_other_(std::move(other), Request{both_}) {}
  std::stop_token token() const { return both_.get_token(); }

 private:
  struct Request {
    std::stop_source& source;
    void operator()() const { source.request_stop(); }
  };
  std::stop_source both_;
  std::stop_callback<Request> at_one_;
  std::stop_callback<Request> at_other_;
};

}  // namespace

void warn_of_cut(const Context& context, const LogView& view) {
  if (view.cut().empty()) return;
  print_warning(context, "the output above lacks " + view.cut() +
                             ": it was longer than the log may be (property log-limit)");
}

std::optional<int> follow_to_end(const Context& context, const Build& build,
                                 const Interrupts& interrupts, LogView& view, LastLine last_line) {
  const auto sink = [&](std::string_view bytes) { view.write(bytes); };
  const auto has_ended = [&] {
    return is_terminal(context.rack.get_build(build.app, build.id).build.status);
  };
  const Either leaves(interrupts.first(), interrupts.left());
  const std::uint64_t offset =
      context.rack.follow_log(build.app, build.id, 0, sink, leaves.token());
  const bool canceled = interrupts.first().stop_requested() && !has_ended();
  if (canceled) {
    // The terminal has shown ^C on the line it was on.
    context.err.write((context.err.is_terminal() ? "\n" : "") + std::string("Canceling build ") +
                      build.id.str() + "... (Ctrl-C again: don't wait for it)\n");
    context.rack.request_cancel(build.app, build.id);
    const Either leaves_now(interrupts.second(), interrupts.left());
    context.rack.follow_log(build.app, build.id, offset, sink, leaves_now.token());
  }
  view.finish();
  if (last_line == LastLine::ended) view.end_line();
  warn_of_cut(context, view);
  const int by_signal = interrupts.left_by();
  if ((by_signal == 0 && !interrupts.second().stop_requested()) || has_ended()) return std::nullopt;
  if (canceled) {
    context.err.write("Build " + build.id.str() +
                      " is still being canceled; see: cooper builds info " + build.id.str() +
                      " -a " + build.app.str() + "\n");
  } else {
    say_it_goes_on(context, build);
  }
  return by_signal == 0 ? exit_code(Errc::canceled) : 128 + by_signal;
}

}  // namespace cooper::cli
