// LocalRack's verbs for what comes from git.

#include "build/settings.h"
#include "rack/app_repository.h"
#include "rack/kept_checkout.h"
#include "rack/local_rack.h"
#include "rack/scratch_folder.h"
#include "source/git_access.h"
#include "source/git_checkout.h"
#include "source/git_facts.h"
#include "store/own_root.h"

#include <optional>

namespace cooper::rack {

namespace {

/// Submodules are fetched as whatever else somebody names a URL for.
void allow_submodules(source::GitCheckout& checkout, const source::FetchPolicy& policy,
                      const std::optional<source::SourceUrl>& login, const std::stop_token& stop) {
  checkout.fetch_bytes = policy.bytes;
  checkout.fetch_time = policy.time;
  checkout.access = [policy, login, stop](const std::string& text) {
    source::SourceUrl url = source::parse_source_url(text).value();
    if (login) source::lend_credentials(*login, url);
    return source::git_access(url, policy, stop);
  };
}

}  // namespace

source::FetchPolicy LocalRack::fetch_policy(const AppName& app) const {
  std::vector<std::string> warnings;  // of properties: a build's log has them
  return build::read_settings(store_, app, warnings).fetch;
}

std::filesystem::path LocalRack::initialize_git(const AppName& app) {
  std::filesystem::path repository = ensure_repository(layout_, app);
  ensure_app(app);
  return repository;
}

Build LocalRack::build_commit(const BuildCommit& commit, StartProgress& progress,
                              std::stop_token stop) {
  constexpr std::size_t kShortId = 10;
  store::require_own_root(layout_, "run git in repositories");
  progress.phase("Checking out " + commit.checkout.commit.substr(0, kShortId));
  const ScratchFolder scratch(layout_, commit.app);
  source::GitCheckout checkout = commit.checkout;
  std::optional<source::SourceUrl> login;
  if (!commit.url.empty()) login = source::parse_source_url(commit.url).value();
  allow_submodules(checkout, fetch_policy(commit.app), login, stop);
  KeptCheckout kept(commit.checkout.repository, scratch.path());
  const source::CheckedOut files = kept.open(checkout, stop);
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
  if (!commit.pushed_by.empty()) request.description += " (pushed by " + commit.pushed_by + ")";
  Build build = start_build(start, progress, stop);
  kept.keep();
  return build;
}

}  // namespace cooper::rack
