// `cooper git:sync`.

#include "cli/deploys.h"
#include "cli/follow_build.h"
#include "cli/interrupt.h"
#include "cli/progress.h"

#include <algorithm>
#include <array>

namespace cooper::cli {

namespace {

rack::SyncGit wanted_from(const Options& options) {
  std::vector<std::string> words = options.words;
  if (options.app) words.insert(words.begin(), *options.app);
  if (words.size() < 2) {
    throw Error(Errc::invalid, "no repository is named",
                "for example https://git.example/hello.git");
  }
  if (words.size() > 3) throw Error(Errc::invalid, "unexpected argument \"" + words[3] + "\"");
  return {.app = AppName::parse(words[0]).value(),
          .url = words[1],
          .ref = words.size() > 2 ? words[2] : "",
          .deploy_branch = options.skip_deploy_branch ? rack::SyncGit::DeployBranch::stays
                                                      : rack::SyncGit::DeployBranch::follows};
}

/// "Branch main of hello is at 1f2e3d4c5b".
std::string state_of(const AppName& app, const rack::Synced& synced) {
  constexpr std::size_t kShortId = 10;
  return "Branch " + synced.branch + " of " + app.str() + (synced.changed ? " is" : " was") +
         " at " + synced.checkout.commit.substr(0, kShortId) +
         (synced.changed ? "\n" : " already\n");
}

/// A commit whose build could not begin, for a deploy that ran or a full disk, is to be built the
/// next time, though the branch has it already.
bool was_built(const Context& context, const rack::Synced& synced, const AppName& app) {
  const rack::BuildPage page = context.rack.find_builds({.app = app, .kind = Kind::build});
  return std::ranges::any_of(page.builds, [&](const rack::BuildView& view) {
    return view.build.git_sha == synced.checkout.commit;
  });
}

int run_sync(Context& context, const Options& options) {
  const rack::SyncGit wanted = wanted_from(options);
  Interrupts interrupts(Interrupts::Takes::all_ends);
  warn_of_near_miss(context, wanted.app);
  const rack::Synced synced = [&] {
    Progress phases(context, context.out);
    return context.rack.sync_git(wanted, phases, interrupts.first());
  }();
  context.out.write(state_of(wanted.app, synced));
  const bool is_new =
      options.build_if_changes && (synced.changed || !was_built(context, synced, wanted.app));
  if (!options.build && !is_new) return 0;
  const rack::BuildCommit commit{
      .app = wanted.app,
      .checkout = synced.checkout,
      .url = wanted.url,
      .request = {.source = "git:sync", .git_url = synced.url, .branch = synced.branch},
      .if_locked = if_locked(options)};
  const Build build =
      start_build(context, interrupts, context.out, &rack::Rack::build_commit, commit);
  return follow_and_deploy(context, build, interrupts, context.out);
}

constexpr std::array kPositionals = {
    Positional{.name = "APP", .summary = "the app, made on first use", .offer = Offer::app},
    Positional{.name = "URL",
               .summary = "the repository: https://..., ssh://... or git@HOST:PATH",
               .need = Positional::Need::optional},
    Positional{.name = "REF",
               .summary = "a branch, tag or commit (default: the remote's HEAD)",
               .need = Positional::Need::optional}};

constexpr std::array kFlags = {
    kAppInPlaceFlag,
    Flag{.name = "build",
         .summary = "then build it, and deploy it if the app has a deployer",
         .target = &Options::build},
    Flag{.name = "build-if-changes",
         .summary = "the same if the commit is another one than before, or was never built",
         .target = &Options::build_if_changes},
    Flag{.name = "skip-deploy-branch",
         .summary = "REF becomes the deploy branch's content, and not the deploy branch",
         .target = &Options::skip_deploy_branch},
    kNoWaitFlag};

constexpr std::array kCommands = {Command{
    .name = "git:sync",
    .summary = "Fetch a branch, tag or commit into an app's repository, and build it",
    .positionals = kPositionals,
    .flags = kFlags,
    .examples = "cooper git:sync --build hello https://git.example/team/hello.git\n"
                "cooper git:sync --build-if-changes hello git@git.example:team/hello.git v1.2",
    .run = run_sync,
    .runs = Runs::on_host}};

}  // namespace

std::span<const Command> git_sync_commands() { return kCommands; }

}  // namespace cooper::cli
