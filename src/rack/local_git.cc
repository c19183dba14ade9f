// LocalRack's verbs for what comes from git.

#include "rack/app_repository.h"
#include "rack/kept_checkout.h"
#include "rack/local_rack.h"
#include "rack/scratch_folder.h"
#include "source/git_checkout.h"
#include "source/git_facts.h"

namespace cooper::rack {

std::filesystem::path LocalRack::initialize_git(const AppName& app) {
  std::filesystem::path repository = ensure_repository(layout_, app);
  ensure_app(app);
  return repository;
}

Build LocalRack::build_commit(const BuildCommit& commit, StartProgress& progress,
                              std::stop_token stop) {
  constexpr std::size_t kShortId = 10;
  progress.phase("Checking out " + commit.checkout.commit.substr(0, kShortId));
  const ScratchFolder scratch(layout_, commit.app);
  KeptCheckout kept(commit.checkout.repository, scratch.path());
  const source::CheckedOut files = kept.open(commit.checkout, stop);
  progress.phase_done();
  StartBuild start{.app = commit.app,
                   .folder = files.folder,
                   .request = commit.request,
                   .if_locked = commit.if_locked,
                   .made_from = "commit " + files.facts.sha.substr(0, kShortId),
                   .last_check = commit.last_check};
  build::BuildRequest& request = start.request;
  if (request.git_sha.empty()) request.git_sha = files.facts.sha;
  if (request.description.empty()) request.description = source::default_description(files.facts);
  Build build = start_build(start, progress, stop);
  kept.keep();
  return build;
}

}  // namespace cooper::rack
