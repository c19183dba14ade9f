#include "cli/git_hook.h"

#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/deploys.h"
#include "cli/git_push.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/pusher_watch.h"
#include "rack/app_repository.h"
#include "rack/properties.h"
#include "rack/push_turn.h"
#include "source/git_repository.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <unistd.h>

namespace cooper::cli {
namespace fs = std::filesystem;

namespace {

/// What the hook has been told.
struct Push {
  AppName app;
  fs::path repository;
  fs::path quarantine;  ///< where the new objects are until the push is accepted; empty: it was
  std::vector<RefUpdate> updates;
  std::optional<std::string> ref;    ///< whose pushes are built
  const RefUpdate* built = nullptr;  ///< its update; nullptr: nothing is built
  bool accepts_failed = false;
  std::string pushed_by;  ///< a key's or a token's name; empty: somebody on this host
};

/// What git and its caller say is about this hook: the build, and what it runs, must not see it.
/// Call it before there is another thread.
void forget_what_is_for_the_hook() {
  std::vector<std::string> names = {rack::kPushedBy};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (text.starts_with("GIT_")) names.emplace_back(text.substr(0, text.find('=')));
  }
  for (const std::string& name : names) ::unsetenv(name.c_str());  // NOLINT(concurrency-mt-unsafe)
}

AppName app_of(const fs::path& repository) {
  if (repository.extension() != ".git") {
    throw Error(Errc::invalid, repository.string() + " is no repository of an app's");
  }
  return AppName::parse(repository.stem().string()).value();
}

Push read_push(const Context& context) {
  if (context.variable("GIT_DIR").empty()) {
    throw Error(Errc::invalid, "git runs this when something is pushed; people do not",
                "cooper git:initialize APP makes a repository to push to");
  }
  const fs::path repository = fs::canonical(context.folder);  // where git runs it
  Push push{.app = app_of(repository),
            .repository = repository,
            .quarantine = context.variable("GIT_QUARANTINE_PATH")};
  push.pushed_by = context.variable(rack::kPushedBy);
  forget_what_is_for_the_hook();
  constexpr std::size_t kMost = std::size_t{64} << 20;  // some hundred thousand refs
  push.updates =
      parse_updates(read_open_file(Fd(::dup(STDIN_FILENO)), "what is pushed", kMost)).value();
  push.ref = deploy_ref(
      rack::effective_property(context.rack, &push.app, "deploy-branch"), push.updates,
      [&](const std::string& ref) { return source::find_ref(repository, ref).has_value(); });
  push.built = update_of(push.updates, push.ref);
  push.accepts_failed =
      rack::effective_property(context.rack, &push.app, "failed-push") == "accept";
  return push;
}

/// Of a push that is accepted as it is.
void say_nothing_is_built(const Context& context, const Push& push) {
  if (std::ranges::all_of(push.updates, &RefUpdate::deletes)) return;
  std::vector<std::string> names;
  for (const RefUpdate& update : push.updates) names.push_back(short_name(update.ref));
  const std::string what = shorten(join(names, ", "), 200);
  const auto branch = std::ranges::find_if(
      push.updates, [](const RefUpdate& update) { return update.ref.starts_with("refs/heads/"); });
  if (push.ref) {
    const std::string wanted = short_name(*push.ref);
    context.err.write("Nothing is built of " + what + ": pushes to " + wanted + " are\n");
    if (branch == push.updates.end() || branch->deletes()) return;
    context.err.write("  hint: git push REMOTE " + short_name(branch->ref) + ":" + wanted + "\n");
  } else {
    context.err.write("Nothing is built of " + what + ": pushes to main or master are\n");
    if (branch == push.updates.end()) return;
    context.err.write("  hint: on the host: cooper builds set deploy-branch " +
                      short_name(branch->ref) + " -a " + push.app.str() + "\n");
  }
}

/// Where a build of ours would put an app back, or name what git then refuses, it is called off.
void require_in_turn(const Push& push) {
  const auto present = source::find_ref(push.repository, push.built->ref);
  const std::string branch = short_name(push.built->ref);
  if (push.accepts_failed) {
    if (present == push.built->after) return;
    throw Error(Errc::conflict,
                "nothing is built of this push: " + branch + " has been pushed to again meanwhile");
  }
  if (push.built->creates() ? !present : present == push.built->before) return;
  throw Error(Errc::conflict, branch + " has been moved by another push meanwhile",
              "git pull, then push again");
}

int build_push(const Context& context, const Push& push) {
  // Ctrl-C ends the pusher's git as well, which is what we look at.
  std::signal(SIGINT, SIG_IGN);
  // Nobody can accept a push any more whose pusher has gone; one that was accepted needs nobody.
  using Takes = Interrupts::Takes;
  Interrupts interrupts(push.accepts_failed ? Takes::all_leave : Takes::all_ends, STDERR_FILENO);
  const PusherWatch watch;
  Progress phases(context, context.err);
  std::optional<rack::PushTurn> turn;
  if (!push.accepts_failed) {
    turn.emplace(push.repository, phases, interrupts.first(), rack::PushTurn::MovedBy::git_above);
  }
  require_in_turn(push);  // before anything is copied
  rack::BuildCommit commit{.app = push.app,
                           .checkout = {.repository = push.repository, .commit = push.built->after},
                           .pushed_by = push.pushed_by,
                           .request = {.source = "git-hook", .branch = short_name(push.built->ref)},
                           .last_check = [&] { require_in_turn(push); }};
  if (!push.quarantine.empty()) commit.checkout.objects.push_back(push.quarantine);
  const Build build = context.rack.build_commit(commit, phases, interrupts.first());
  return follow_and_deploy(context, build, interrupts, context.err, LogForm::always_harmless);
}

int pre_receive(const Context& context, const Push& push) {
  if (!push.built) {
    say_nothing_is_built(context, push);
    return 0;
  }
  const std::string branch = short_name(*push.ref);
  if (push.built->deletes()) {
    throw Error(Errc::denied,
                branch + " is what app " + push.app.str() + " is built from: it is not deleted",
                "cooper apps delete " + push.app.str() + ", or another deploy-branch, first");
  }
  if (push.accepts_failed) return 0;  // post-receive builds it
  int code = 0;
  try {
    code = build_push(context, push);
  } catch (const Error& error) {  // boundary: of a push, whose end is said below
    print_error(context, error.message(), error.hint());
    code = exit_code(error.code());
  }
  if (code != 0) {
    context.err.write("The push is rejected: " + branch +
                      (push.built->creates() ? " is not created\n" : " stays where it was\n"));
  }
  return code;
}

int post_receive(const Context& context, const Push& push) {
  if (!push.built || push.built->deletes()) return 0;
  if (source::head_of(push.repository) != *push.ref) source::set_head(push.repository, *push.ref);
  return push.accepts_failed ? build_push(context, push) : 0;
}

}  // namespace

int run_git_hook(Context& context, const Options& options) {
  const std::string& name = options.words[0];
  if (name == "pre-receive") return pre_receive(context, read_push(context));
  if (name == "post-receive") return post_receive(context, read_push(context));
  throw Error(Errc::invalid, "unknown hook \"" + shorten(printable(name), 60) + "\"",
              "pre-receive or post-receive");
}

}  // namespace cooper::cli
