#pragma once
// What the verbs of Rack are asked with.

#include "build/command_streams.h"
#include "build/request.h"
#include "bundle/write_bundle.h"
#include "engine/build_secrets.h"
#include "log/search.h"
#include "model/build.h"
#include "model/release.h"
#include "source/archive_type.h"
#include "source/git_checkout.h"
#include "store/webhooks.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace cooper::rack {

/// Which builds; what is left out does not narrow.
struct BuildFilter {
  std::optional<AppName> app;           ///< of all apps if absent
  std::vector<DisplayStatus> statuses;  ///< one of them; empty: any
  std::optional<Kind> kind;
  std::string source;             ///< as in the record; empty: any
  std::optional<Time> since;      ///< started then or later
  std::optional<Time> until;      ///< started before
  std::optional<BuildId> before;  ///< older than this one, of whichever app it is
  std::size_t limit = 0;          ///< the newest so many; 0: all
};

/// What to do while another deploy of the app holds its lock, or no more builds may run.
enum class IfLocked { wait, fail };

/// What `build` asks for. `request.description` and `.git_sha` are filled from
/// the work tree's git facts when empty.
struct StartBuild {
  AppName app;
  std::filesystem::path folder;
  build::BuildRequest request;
  engine::BuildSecrets secrets;  ///< kept nowhere
  IfLocked if_locked = IfLocked::wait;
  /// Of a folder that was made for this build alone: what messages call it ("commit 1f2e3d4c5b").
  /// Then there are no git facts but the request's. Empty: it is the user's folder.
  std::string made_from;
  /// Called last, before the build takes its place in the queue (where there is none, or nobody
  /// waits: under the deploy lock); what it throws calls the build off. Two may pass each other
  /// after that: the queue has the one that was asked for later. Empty: nothing to ask.
  std::function<void()> last_check;
};

/// One commit of a repository on this host that is to be built. `request.git_sha` and
/// `.description` are filled from it when empty.
struct BuildCommit {
  AppName app;
  source::GitCheckout checkout;
  /// Where it was fetched from, as that was given: submodules on the same server get its
  /// credentials, which are kept nowhere. Empty: there are none.
  std::string url;
  std::string pushed_by;  ///< said in the description; empty: nobody is named
  build::BuildRequest request;
  IfLocked if_locked = IfLocked::wait;
  std::function<void()> last_check;  ///< see StartBuild
};

/// Source in an archive that anybody may have made, of any kind that source::ArchiveType has.
struct BuildArchive {
  AppName app;
  std::string url;                          ///< where it is fetched from; empty: `archive` is it
  int archive = -1;                         ///< open, a file or a stream; borrowed
  std::string shown;                        ///< what messages call it, without credentials
  std::optional<source::ArchiveType> type;  ///< what it must be; empty: any
  build::BuildRequest request;
  engine::BuildSecrets secrets;  ///< kept nowhere
  IfLocked if_locked = IfLocked::wait;
};

/// What `git:sync` asks for.
struct SyncGit {
  AppName app;
  std::string url;  ///< see source::parse_source_url
  std::string ref;  ///< a branch, tag or commit; empty: the remote's HEAD
  /// Does the app build from then on what is pushed to the branch `ref`?
  enum class DeployBranch { follows, stays } deploy_branch = DeployBranch::follows;
};

/// What `retry` and `ps:rebuild` ask for: the build's stored source and arguments again.
struct RetryBuild {
  AppName app;
  BuildId build;
  std::string source;            ///< what the record says of the new build; empty: as the old one's
  engine::BuildSecrets secrets;  ///< kept nowhere, so given again
  IfLocked if_locked = IfLocked::wait;
};

/// What `builds export` asks for.
struct ExportBuild {
  AppName app;
  BuildId build;
  bundle::Form form = bundle::Form::convox;
  int out = -1;  ///< borrowed
};

/// What `builds import` and `git:load-image` ask for.
struct ImportBuild {
  AppName app;
  int in = -1;        ///< borrowed: the bundle, or the archive
  std::string image;  ///< the image of that name in an archive; empty: it is a bundle
  std::string source = "import";
  IfLocked if_locked = IfLocked::wait;
};

/// What `builds import-image` and `git:from-image` ask for: a build whose services are an image
/// that is there, or in a registry.
struct StartImage {
  AppName app;
  ServiceName service;  ///< the only one, without a manifest
  std::string image;
  /// Text of a convox.yml, whose services are the image as far as they name none; empty: none.
  std::string manifest;
  build::BuildRequest request;  ///< with `source` and `description` alone
  IfLocked if_locked = IfLocked::wait;
};

/// What `track` asks for: `request.command` is set.
struct StartCommand {
  AppName app;
  build::BuildRequest request;
  build::CommandStreams streams;
  IfLocked if_locked = IfLocked::wait;
};

/// A release that is made from others, and what is changed in its environment. Releases are
/// named as for get_release; empty: the newest one.
struct NewRelease {
  AppName app;
  std::string build_from;        ///< whose build, manifest and images it has
  std::string environment_from;  ///< whose environment, before the changes
  Environment set;
  std::vector<std::string> unset;  ///< names; absent is fine
  bool replace = false;            ///< only what is in `set` stays
  std::string description;         ///< empty: the changes, else that of `build_from`
};

/// What `promote` and all other deploys of a release ask for.
struct StartDeploy {
  AppName app;
  std::string release;               ///< as for get_release; may be empty, if there is `create`
  std::optional<NewRelease> create;  ///< instead, unless `release` is the newest under the lock
  std::string source = "deploy";
  std::string description;  ///< empty: the source, and the release's
  IfLocked if_locked = IfLocked::wait;
};

/// Which of what an app's containers print.
struct ContainerLogQuery {
  AppName app;
  std::string service;       ///< empty: of all services
  std::uint64_t tail = 100;  ///< the newest so many lines of each container
  std::optional<Time> since;
};

/// Which lines of the audit log.
struct AuditFilter {
  std::optional<AppName> app;  ///< about this app
  std::optional<Time> since;
  std::size_t limit = 0;  ///< the newest so many; 0: all
};

/// Who is to be told, and of what.
struct NewWebhook {
  std::string url;                       ///< http or https, without credentials
  std::optional<AppName> app;            ///< of this one alone
  std::vector<store::EventKind> events;  ///< none: all
  std::string secret;                    ///< empty: one is made
};
/// By their names. Error{invalid} for one that nobody can ask for.
[[nodiscard]] Result<std::vector<store::EventKind>> parse_events(
    const std::vector<std::string>& names);

struct LogSearch {
  std::string text;
  log::Case letters = log::Case::sensitive;
  BuildFilter builds;  ///< in whose logs
};

}  // namespace cooper::rack
