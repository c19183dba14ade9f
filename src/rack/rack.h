#pragma once
// Every verb of cooper, once. LocalRack does it here; a remote one asks a server.

#include "base/fd.h"
#include "build/diff.h"
#include "build/queue_order.h"
#include "build/system_disk.h"
#include "engine/choose.h"
#include "engine/containers.h"
#include "engine/registry_auth.h"
#include "log/search.h"
#include "model/build.h"
#include "model/release.h"
#include "model/retention.h"
#include "model/step.h"
#include "rack/requests.h"
#include "source/git_checkout.h"
#include "store/audit_log.h"
#include "store/hook_inbox.h"
#include "store/tokens.h"
#include "store/webhook_queue.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::rack {

/// A build as a reader sees it.
struct BuildView {
  Build build;
  DisplayStatus status;
  std::optional<build::QueuePlace> place = {};  ///< of a queued one, if it can be told
};

struct BuildPage {
  std::vector<BuildView> builds;      ///< newest first
  std::vector<std::string> warnings;  ///< unreadable records, one line each
};

struct ReleasePage {
  std::vector<Release> releases;      ///< newest first
  std::vector<std::string> warnings;  ///< unreadable ones, one line each
};

struct AuditPage {
  std::vector<store::AuditEntry> entries;  ///< newest first
  std::vector<std::string> warnings;       ///< one line each
};

/// What sync_git brought.
struct Synced {
  source::GitCheckout checkout;  ///< of the commit, for build_commit
  std::string branch;            ///< of the app's repository, where it is now
  std::string url;               ///< as everybody may see it
  bool changed = false;          ///< the branch was at another commit before
};

/// What clients call a file that they store: 1 to 4 parts of letters, digits, `-`, `_` and `.`,
/// which is not first, with slashes between; at most 200 characters.
struct ObjectKeyRule {
  static bool check(std::string_view text) noexcept;
  static Error refuse(std::string_view text);
};
using ObjectKey = CheckedName<ObjectKeyRule>;

/// A container of an app, as its engine sees it now.
struct ServiceContainer {
  std::string service;
  unsigned instance = 1;  ///< of the service
  engine::Container container;
  std::string engine;   ///< "docker" or "podman"
  std::string release;  ///< id
  std::string deploy;   ///< id of the deploy that made it
  bool active = false;  ///< of the active release; else a deploy is going on
  std::string health;   ///< healthy, unhealthy or starting; empty: nothing tells
};

/// What happens before the build has a log of its own.
class StartProgress {
 public:
  virtual ~StartProgress() = default;
  /// A phase begins ("Packaging source", "Uploading source", "Starting build") ...
  virtual void phase(std::string_view name) = 0;
  /// ... and has ended well.
  virtual void phase_done() = 0;
  /// One line that the person should see.
  virtual void notice(std::string_view text) = 0;
};

struct LogHit {
  const Build& build;
  const log::SearchHit& hit;
};

struct SearchEnd {
  std::vector<std::string> warnings;  ///< one for each record and log that could not be read
  std::optional<Errc> unread;         ///< why, of the first log that could not be read
};

struct PropertyView {
  std::string key;
  std::string value;   ///< empty: unset on this level
  std::string effect;  ///< what applies to the app (global and default considered)
  // Of a secret property, "(hidden)" stands for any value.
};

/// All calls may throw Error; a build that fails is not an error.
class Rack {
 public:
  virtual ~Rack() = default;

  virtual App create_app(const AppName& name) = 0;  ///< Error{conflict} if it exists
  virtual std::optional<App> find_app(const AppName& name) = 0;
  /// Error{not_found} with the nearest app's name.
  virtual App get_app(const AppName& name) = 0;
  virtual std::vector<App> list_apps() = 0;  ///< by name
  /// The same apps, without what is said about them: damage hides none.
  virtual std::vector<AppName> app_names() = 0;
  /// Error{not_found}; Error{conflict} while a build of it runs.
  virtual void delete_app(const AppName& name) = 0;
  /// Makes the app, and its bare repository, which builds what is pushed to it (cooper
  /// git-hook); or brings that up to date. Returns its folder. Error{invalid} under a Dokku root.
  virtual std::filesystem::path initialize_git(const AppName& app) = 0;

  /// Packages the folder and starts the build; creates the app on first use.
  /// Returns its record: running, or queued if it has to wait for another deploy of the
  /// app, or since as many builds run as may (docs/queue.md). Throws Error{conflict} instead, if
  /// asked to, or if that deploy is what runs us.
  virtual Build start_build(const StartBuild& start, StartProgress& progress,
                            std::stop_token stop) = 0;
  /// The same for a commit, with its submodules, whose URLs are checked as those of sync_git.
  virtual Build build_commit(const BuildCommit& commit, StartProgress& progress,
                             std::stop_token stop) = 0;
  /// The same for an archive, which is fetched and unpacked first, as far as the properties
  /// `fetch-*` and `unpack-limit` allow; Error{corrupt} says what is wrong with it
  /// (source/import_archive.h), Error{denied} what is not allowed. Then nothing of it is left.
  virtual Build build_archive(const BuildArchive& wanted, StartProgress& progress,
                              std::stop_token stop) = 0;
  /// Fetches one commit into the app's repository, which is made if there is none, as far as
  /// the same properties allow (source/git_remote.h); the branch moves last. Builds nothing.
  virtual Synced sync_git(const SyncGit& wanted, StartProgress& progress, std::stop_token stop) = 0;
  /// The same from the source and the arguments that are kept of an ended build.
  /// Error{not_found}; Error{conflict} if it has not ended; Error{invalid} if something that
  /// it was made from is not kept, or given.
  virtual Build retry_build(const RetryBuild& retry, StartProgress& progress,
                            std::stop_token stop) = 0;
  /// The same from an image that exists. Error{invalid} for a name that no image can have.
  virtual Build start_image(const StartImage& start, StartProgress& progress,
                            std::stop_token stop) = 0;
  /// Reads all that comes, and checks it; then the same, with the images that came. What is refused
  /// leaves nothing. Error{corrupt}, Error{invalid}, Error{unavailable} if there is no room.
  virtual Build import_build(const ImportBuild& start, StartProgress& progress,
                             std::stop_token stop) = 0;
  /// Writes a file that import_build reads, as Convox does. Error{not_found}; Error{conflict} for a
  /// build that has not ended; Error{invalid} for one without images: then nothing was written.
  virtual void export_build(const ExportBuild& wanted, std::stop_token stop) = 0;
  /// The same for any command, on this host, with our environment: waits as start_deploy does.
  virtual Build start_command(const StartCommand& start, StartProgress& progress,
                              std::stop_token stop) = 0;

  /// Newest first; limit 0: all. Error{not_found} for an unknown app.
  virtual BuildPage list_builds(const AppName& app, std::size_t limit) = 0;
  /// Newest first. Error{not_found} for an unknown app, or for a `before` that is
  /// no build.
  virtual BuildPage find_builds(const BuildFilter& filter) = 0;
  /// `current` (running, else queued), `last`, `last-failed`, an id, or a unique prefix of
  /// one; `kind` narrows what `last` and `last-failed` are the last of.
  /// Error{not_found} says what there is instead; Error{invalid} if a prefix fits several.
  virtual BuildId resolve_build(const AppName& app, std::string_view text,
                                std::optional<Kind> kind = std::nullopt) = 0;
  /// Error{not_found}. This, follow_log and request_cancel find a build that ran when its
  /// app was renamed by the old name as well: who follows it knows no other.
  virtual BuildView get_build(const AppName& app, const BuildId& id) = 0;
  virtual std::vector<Step> list_steps(const AppName& app, const BuildId& id) = 0;
  /// What the build was made from and by: an in-toto statement, one line. Error{not_found}
  /// if it has none, as only image builds that came to their own end have.
  virtual std::string provenance(const AppName& app, const BuildId& id) = 0;

  /// What is different between two builds of an app. Error{not_found}.
  virtual build::BuildDiff diff_builds(const AppName& app, const BuildId& before,
                                       const BuildId& after) = 0;

  // The log of a build whose record can't be read is that of one that has ended.

  /// Delivers the log from byte `from` until the build has ended and its last
  /// byte was delivered, or `stop` is requested. Returns the offset after the
  /// last byte delivered: where a later call resumes. If the log file is missing,
  /// and no live build will make it, what the journal still holds is delivered, and
  /// `from` returned; Error{not_found} if there is no journal to ask.
  virtual std::uint64_t follow_log(const AppName& app, const BuildId& id, std::uint64_t from,
                                   const std::function<void(std::string_view)>& sink,
                                   std::stop_token stop) = 0;
  /// The log as it is now, from `from`; ends at once. Asks the journal as follow_log does.
  virtual std::uint64_t read_log(const AppName& app, const BuildId& id, std::uint64_t from,
                                 const std::function<void(std::string_view)>& sink) = 0;
  /// The file that the log is in, or will be: for who watches it himself. Error{not_found}.
  virtual std::filesystem::path log_path(const AppName& app, const BuildId& id) = 0;
  /// Where the last `lines` lines of the log begin; 0 if its file is missing.
  virtual std::uint64_t log_tail(const AppName& app, const BuildId& id, std::uint64_t lines) = 0;

  /// Calls `found` for each line that holds the text, the newest build's first,
  /// until it returns false, or `stop` is requested. Error{invalid} for a text that no
  /// line can hold.
  virtual SearchEnd search_logs(const LogSearch& search,
                                const std::function<bool(const LogHit&)>& found,
                                std::stop_token stop) = 0;
  /// Removes what a build printed: its log becomes one line, its steps lose their
  /// texts, its record the reason, and notes `who`. Error{conflict} while it runs.
  /// Of a build whose record can't be read log and steps alone are erased; what is
  /// returned has only its names and the note.
  virtual Build erase_log(const AppName& app, const BuildId& id, const std::string& who) = 0;

  /// Asks a running build to stop and returns at once; the build finalizes itself.
  virtual void request_cancel(const AppName& app, const BuildId& id) = 0;
  /// Cancels and waits until the record is terminal and nothing of the build is
  /// left. A build that was terminal before is left untouched.
  virtual BuildView cancel_build(const AppName& app, const BuildId& id) = 0;
  /// Reaps abandoned builds with their leftovers, trims to retention, removes
  /// what crashes left.
  virtual Pruned prune(const AppName& app) = 0;
  /// What prune would do now; changes nothing.
  virtual Pruned would_prune(const AppName& app) = 0;
  /// Removes an ended build, or all of one whose record can't be read.
  /// Error{not_found}; Error{conflict} if it runs, is pinned, or is what the app runs on.
  virtual void remove_build(const AppName& app, const BuildId& id) = 0;
  /// A pinned build is neither removed nor counted by retention. Both return the
  /// record as it stands now. Error{not_found}.
  virtual Build pin_build(const AppName& app, const BuildId& id) = 0;
  virtual Build unpin_build(const AppName& app, const BuildId& id) = 0;

  virtual ReleasePage list_releases(const AppName& app, std::size_t limit) = 0;
  /// The one that has the app's environment. Error{corrupt} if that can't be read.
  virtual std::optional<Release> newest_release(const AppName& app) = 0;
  /// `last`, `active`, `previous` (that was active before), an id or a unique prefix.
  /// Error{not_found}, Error{invalid}.
  virtual Release get_release(const AppName& app, std::string_view text) = 0;
  /// Makes a release without deploying it. Error{not_found}; Error{invalid} for a variable
  /// that can't be kept.
  virtual Release create_release(const NewRelease& release) = 0;
  /// Starts to deploy a release; once that has succeeded, it is the app's active one.
  /// Returns its running record, whose `release` it is. Waits, with a notice, while another deploy
  /// of the app holds the deploy lock, or throws Error{conflict}, as start_build does; a stop
  /// request ends the wait (Error{canceled}). Error{not_found}; Error{invalid} for a release
  /// without a build.
  virtual Build start_deploy(const StartDeploy& start, StartProgress& progress,
                             std::stop_token stop) = 0;

  // Files that clients store for an app, most of them the source of a build to come. Prune
  // removes those that are older than a day.

  /// Keeps all that is in the open file, durably, in place of one that had the key. Takes it over
  /// as it is if it has no name and lies on the data root's file system. Error{not_found} for the
  /// app.
  virtual void store_object(const AppName& app, const ObjectKey& key, const Fd& file) = 0;
  /// Open for reading. Error{not_found}.
  virtual Fd open_object(const AppName& app, const ObjectKey& key) = 0;
  /// Ascending.
  virtual std::vector<ObjectKey> list_objects(const AppName& app) = 0;
  /// Error{not_found}.
  virtual void remove_object(const AppName& app, const ObjectKey& key) = 0;

  // Of apps that the deployer `containers` runs. All of them throw Error{conflict} for an app
  // that never had containers.

  /// By service and instance. Asks each one's health check. Error{not_found}.
  virtual std::vector<ServiceContainer> list_containers(const AppName& app) = 0;
  /// What the containers have printed, in the order of time. `line`: of which container
  /// ("web.1"), and the line without its end. Error{not_found} also for a service without one.
  using ContainerLine = std::function<void(std::string_view container, std::string_view line)>;
  virtual void read_container_logs(const ContainerLogQuery& query, const ContainerLine& line) = 0;
  /// The same, and what they and those of later deploys print until `stop` is requested. Calls
  /// `line` from several threads, one at a time.
  virtual void follow_container_logs(const ContainerLogQuery& query, const ContainerLine& line,
                                     std::stop_token stop) = 0;
  /// Stops them until the next deploy; returns how many ran. Error{conflict} also while a
  /// deploy of the app runs.
  virtual std::size_t stop_containers(const AppName& app) = 0;

  /// Properties of an app, or the global ones when null.
  virtual std::vector<PropertyView> list_properties(const AppName* app) = 0;
  /// All engines, and which of them builds of an app (null: of any) would use.
  virtual std::vector<engine::EngineReport> list_engines(const AppName* app) = 0;
  /// Who we are to registries, what is in force first. `warnings` gets a line for a
  /// file of credentials that can't be read.
  virtual std::vector<engine::KnownLogin> list_registries(std::vector<std::string>& warnings) = 0;
  /// Keeps a login, instead of one that was kept for the host. Error{invalid} for what
  /// is no host, or a user with a colon.
  virtual void add_registry(const std::string& host, const engine::Login& login) = 0;
  /// Forgets it. Error{not_found} if cooper keeps none for the host.
  virtual void remove_registry(const std::string& host) = 0;
  /// nullopt unsets. Error{invalid} for an unknown key or a bad value.
  virtual void set_property(const AppName* app, std::string_view key,
                            const std::optional<std::string>& value) = 0;

  // Who may ask a server of this data root

  /// Error{invalid} for a name that is no short line.
  virtual store::MadeToken create_token(const store::NewToken& wanted) = 0;
  virtual store::TokenList list_tokens() = 0;
  virtual void revoke_token(const store::TokenId& id) = 0;  ///< Error{not_found}

  /// Who changed what through a server, and whose logins failed.
  virtual AuditPage read_audit(const AuditFilter& filter) = 0;

  // Webhooks: those that start builds here, and those that tell others

  /// What they said, newest first. Error{not_found} for the app.
  virtual std::vector<store::HookDelivery> list_hook_deliveries(const AppName& app) = 0;
  /// Oldest first. Secrets may be missing. `warnings` gets a line for each that can't be read.
  virtual std::vector<store::Webhook> list_webhooks(std::vector<std::string>& warnings) = 0;
  /// With its secret. Error{invalid} for the URL or the secret; Error{not_found} for the app.
  virtual store::Webhook add_webhook(const NewWebhook& wanted) = 0;
  virtual void remove_webhook(const store::WebhookId& id) = 0;  ///< Error{not_found}
  /// Has a server send it webhook.test. Error{not_found}.
  virtual store::Webhook test_webhook(const store::WebhookId& id) = 0;
  /// What it was told and will be, oldest first. Error{not_found}.
  virtual std::vector<store::WebhookMessage> list_webhook_messages(const store::WebhookId& id) = 0;

  // Of all apps at once

  /// Builds that run, then what waits for its turn, in that order. Reads what the owner of
  /// the data root alone may: Error{denied}.
  virtual std::vector<build::QueueEntry> list_queue() = 0;
  /// Starts queued builds anew whose process is gone (killed, or the host restarted), at their
  /// place in the queue; one that can't be is failed. Returns a line for each. Error{denied} for
  /// root in another user's data root.
  virtual std::vector<std::string> resume_queue() = 0;
  /// What find_builds finds with limit 1, of each app that has builds.
  virtual std::map<AppName, BuildPage> newest_builds() = 0;
  /// Those of `apps` for which prune may have something to do or to say: few of
  /// many, and quickly told. And what is no app, but has leftovers of one.
  virtual std::vector<AppName> apps_to_prune(std::vector<AppName> apps) = 0;

  // Of this host

  /// What is kept here, and in the engines that answer. `warnings` gets a line for each
  /// that can't tell.
  virtual std::vector<build::DiskItem> disk_use(std::vector<std::string>& warnings) = 0;
  /// Removes images that no build and no release has any more, and caps build caches. Each
  /// app is to be pruned before.
  virtual std::vector<build::EnginePruned> prune_engines() = 0;
  /// What prune_engines would do now; changes nothing.
  virtual std::vector<build::EnginePruned> would_prune_engines() = 0;
};

}  // namespace cooper::rack
