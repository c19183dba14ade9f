// LocalRack::sync_git: a branch, tag or commit of somewhere else, in an app's repository.

#include "base/error.h"
#include "rack/app_repository.h"
#include "rack/local_rack.h"
#include "rack/properties.h"
#include "rack/push_turn.h"
#include "rack/scratch_folder.h"
#include "source/git_access.h"
#include "source/git_facts.h"
#include "source/git_remote.h"
#include "source/git_repository.h"
#include "store/own_root.h"

#include <filesystem>
#include <optional>
#include <string_view>

namespace cooper::rack {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kBranches = "refs/heads/";
constexpr std::string_view kDeployBranch = "deploy-branch";

}  // namespace

Synced LocalRack::sync_git(const SyncGit& wanted, StartProgress& progress, std::stop_token stop) {
  store::require_own_root(layout_, "run git in repositories");
  const source::SourceUrl url = source::parse_source_url(wanted.url).value();
  const std::string shown = source::shown(url);
  const source::FetchPolicy policy = fetch_policy(wanted.app);

  progress.phase("Asking " + shown);
  const source::GitAccess access = source::git_access(url, policy, stop);
  const source::RemoteRef from =
      source::find_remote_ref(access, wanted.ref, shown, policy.time, stop);
  progress.phase_done();

  const fs::path repository = initialize_git(wanted.app);
  const bool is_branch = from.ref.starts_with(kBranches);
  std::string ref;
  if (is_branch && wanted.deploy_branch == SyncGit::DeployBranch::follows) {
    ref = from.ref;
  } else {
    ref = present_deploy_ref(effective_property(*this, &wanted.app, kDeployBranch),
                             [&](const std::string& name) {
                               return source::find_ref(repository, name).has_value();
                             })
              .value_or(usual_deploy_refs().front());
  }
  const std::string branch = ref.substr(kBranches.size());
  // A push that is being built would be refused by git after its release was deployed.
  const PushTurn turn(repository, progress, stop, PushTurn::MovedBy::us);
  const std::optional<std::string> before = source::find_ref(repository, ref);
  std::string commit = from.commit;
  if (before != commit) {
    progress.phase("Fetching " + (wanted.ref.empty() ? branch : wanted.ref));
    const ScratchFolder scratch(layout_, wanted.app);
    const fs::path fetched = scratch.path() / "git";
    commit =
        source::fetch_commit(
            access, {.from = from, .shown = shown, .bytes = policy.bytes, .limit = policy.time},
            fetched, stop)
            .commit;
    if (before != commit) source::take_over(repository, fetched, ref, stop);
    progress.phase_done();
  }
  source::set_head(repository, ref);
  if (effective_property(*this, &wanted.app, kDeployBranch) != branch) {
    set_property(&wanted.app, kDeployBranch, branch);
  }
  return {.checkout = {.repository = repository,
                       .commit = commit,
                       .origin = source::without_credentials(url)},
          .branch = branch,
          .url = source::public_url(shown),
          .changed = before != commit};
}

}  // namespace cooper::rack
