// `cooper track`.

#include "base/text.h"
#include "cli/context.h"
#include "cli/follow_build.h"
#include "cli/interrupt.h"
#include "cli/outcome.h"
#include "cli/progress.h"
#include "cli/show_log.h"
#include "cli/terminal_relay.h"

#include <array>
#include <fcntl.h>
#include <memory>
#include <unistd.h>

namespace cooper::cli {

namespace {

build::BuildRequest request_from(const Context& context, const Options& options) {
  build::BuildRequest request{.source = options.source.value_or("deploy"),
                              .description = options.description.value_or("")};
  if (options.kind) request.kind = parse_kind(*options.kind);
  if (known_source(request.source) == "unknown" && request.source != "unknown") {
    print_warning(context, "source \"" + shorten(request.source, 60) + "\" is recorded as unknown");
  }
  std::error_code failure;
  auto folder = std::filesystem::absolute(context.folder, failure).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();  // "/a/b/" of "/a/b/."
  if (failure == std::errc::no_such_file_or_directory) throw no_working_folder();
  if (failure) throw_errno(failure.value(), "find the working folder");
  request.command = build::TrackedCommand{.words = options.words, .folder = folder.string()};
  return request;
}

/// Our standard input is the command's, unless it is a terminal: many would read
/// keys that are meant for somebody else, or be halted for it.
build::CommandStreams own_input() {
  if (::isatty(STDIN_FILENO) != 0) return {};
  // Away from 0, 1 and 2, which a child gets anew.
  return {.input = Fd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)), .terminal = {}, .master = {}};
}

/// Shows the log while the program has our terminal. False, and said: we were told
/// to go before the end; the build goes on.
bool follow_on_terminal(const Context& context, const Build& build, const Interrupts& interrupts,
                        TerminalRelay& relay, LogView& view) {
  relay.begin();
  context.rack.follow_log(
      build.app, build.id, 0, [&](std::string_view bytes) { view.write(bytes); },
      interrupts.first());
  view.finish();
  return is_terminal(context.rack.get_build(build.app, build.id).build.status) ||
         !interrupts.first().stop_requested();
}

/// The exit code with which we leave before the end; nullopt: it has come.
std::optional<int> follow(const Context& context, const Build& build, Interrupts& interrupts,
                          std::unique_ptr<TerminalRelay> relay, LogView& view) {
  if (!relay) {
    interrupts.let_others_leave();  // the command needs us no more
    return follow_to_end(context, build, interrupts, view, LastLine::kept);
  }
  const bool to_the_end = follow_on_terminal(context, build, interrupts, *relay, view);
  relay.reset();  // the terminal is ours again
  warn_of_cut(context, view);
  if (to_the_end) return std::nullopt;
  say_it_goes_on(context, build);
  return exit_code(Errc::canceled);
}

/// The command's own exit code where it has one.
int report_end(const Context& context, const rack::BuildView& view, std::string_view line_above) {
  if (view.status == DisplayStatus::succeeded) return 0;
  const int code = report_outcome(context, view, line_above);
  const bool ended_itself = view.status == DisplayStatus::failed && view.build.exit_code > 0;
  return ended_itself ? *view.build.exit_code : code;
}

int run_track(Context& context, const Options& options) {
  rack::StartCommand start{.app = resolve_app(context, options),
                           .request = request_from(context, options),
                           .streams = {},
                           .if_locked = if_locked(options)};
  warn_of_near_miss(context, start.app);

  std::unique_ptr<TerminalRelay> relay;
  if (options.pty) relay = std::make_unique<TerminalRelay>();
  Interrupts interrupts(Interrupts::Takes::all_ends);
  start.streams = relay ? relay->take_streams() : own_input();
  const Build build = [&] {
    Progress progress(context, context.err);
    return context.rack.start_command(start, progress, interrupts.first());
  }();
  start.streams = {};  // the command has them; its end is to be seen

  const bool id_alone = options.id;
  Output& announced = options.detach && !id_alone ? context.out : context.err;
  announced.write("Build:   " + build.id.str() + "\n");
  if (id_alone) context.out.write(build.id.str() + "\n");
  if (options.detach) return 0;
  // The command's output as it is: it is the caller's own program.
  Output& shown = id_alone ? context.err : context.out;
  LogView view(shown, LogForm::raw);
  if (const auto left = follow(context, build, interrupts, std::move(relay), view)) return *left;
  return report_end(context, context.rack.get_build(build.app, build.id),
                    line_above(context, shown, view));
}

constexpr std::array kPositionals = {Positional{
    .name = "COMMAND",
    .summary = "the command, as it is; what it leaves running needs an output of its own",
    .need = Positional::Need::command_line,
    .offer = Offer::file}};

constexpr std::array kFlags = {
    Flag{.name = "app",
         .letter = 'a',
         .value = "APP",
         .summary = "the app, made on first use (default: $COOPER_APP, else the folder's name)",
         .target = &Options::app,
         .offer = Offer::app},
    Flag{.name = "source",
         .value = "SOURCE",
         .summary = "what caused it: deploy, ps:restart, webhook, ... (default: deploy)",
         .target = &Options::source},
    Flag{.name = "kind",
         .value = "KIND",
         .summary = "build or deploy (default: what the source does)",
         .target = &Options::kind,
         .choices = "build deploy"},
    Flag{.name = "description",
         .letter = 'd',
         .value = "TEXT",
         .summary = "what is deployed (default: the command)",
         .target = &Options::description},
    kNoWaitFlag,
    Flag{.name = "detach",
         .summary = "return once the command runs, and print the build's id",
         .target = &Options::detach},
    Flag{.name = "pty",
         .summary = "run it on a terminal of its own: keys, Ctrl-C too, are the command's",
         .target = &Options::pty},
    Flag{.name = "id",
         .summary = "print the build's id alone on stdout; all else goes to stderr",
         .target = &Options::id},
};

constexpr std::array kCommands = {
    Command{.name = "track",
            .summary = "Run any command as a tracked deploy",
            .positionals = kPositionals,
            .flags = kFlags,
            .examples = "cooper track -a shop -- docker compose up -d\n"
                        "cooper track -a shop --pty -- kamal deploy\n"
                        "cooper track -a shop --no-wait --source ps:restart -- ./restart.sh",
            .run = run_track,
            .runs = Runs::on_host}};

}  // namespace

std::span<const Command> track_commands() { return kCommands; }

}  // namespace cooper::cli
