#pragma once
// The verbs, done here: records in files, builds by a supervisor on this host.

#include "rack/rack.h"
#include "source/pack.h"
#include "store/deploy_lock.h"
#include "store/file_store.h"

namespace cooper::rack {

/// Whose verbs they are. Of those of a person, what is about tokens goes into the audit log; a
/// server knows more of who asks, and does so itself.
enum class Caller : std::uint8_t { person, server };

/// Blocking; safe to use from several threads and processes at once.
class LocalRack : public Rack {
 public:
  explicit LocalRack(store::Layout layout, Caller caller = Caller::person);

  App create_app(const AppName& name) override;
  std::optional<App> find_app(const AppName& name) override;
  App get_app(const AppName& name) override;
  std::vector<App> list_apps() override;
  std::vector<AppName> app_names() override;
  void delete_app(const AppName& name) override;
  std::filesystem::path initialize_git(const AppName& app) override;

  Build start_build(const StartBuild& start, StartProgress& progress,
                    std::stop_token stop) override;

  Build build_commit(const BuildCommit& commit, StartProgress& progress,
                     std::stop_token stop) override;
  Build build_archive(const BuildArchive& wanted, StartProgress& progress,
                      std::stop_token stop) override;
  Synced sync_git(const SyncGit& wanted, StartProgress& progress, std::stop_token stop) override;
  Build retry_build(const RetryBuild& retry, StartProgress& progress,
                    std::stop_token stop) override;
  Build start_image(const StartImage& start, StartProgress& progress,
                    std::stop_token stop) override;
  Build import_build(const ImportBuild& start, StartProgress& progress,
                     std::stop_token stop) override;
  void export_build(const ExportBuild& wanted, std::stop_token stop) override;
  Build start_command(const StartCommand& start, StartProgress& progress,
                      std::stop_token stop) override;

  BuildPage list_builds(const AppName& app, std::size_t limit) override;
  BuildPage find_builds(const BuildFilter& filter) override;
  std::map<AppName, BuildPage> newest_builds() override;
  BuildId resolve_build(const AppName& app, std::string_view text,
                        std::optional<Kind> kind) override;
  BuildView get_build(const AppName& app, const BuildId& id) override;
  std::vector<Step> list_steps(const AppName& app, const BuildId& id) override;
  std::string provenance(const AppName& app, const BuildId& id) override;
  build::BuildDiff diff_builds(const AppName& app, const BuildId& before,
                               const BuildId& after) override;

  std::uint64_t follow_log(const AppName& app, const BuildId& id, std::uint64_t from,
                           const std::function<void(std::string_view)>& sink,
                           std::stop_token stop) override;
  std::uint64_t read_log(const AppName& app, const BuildId& id, std::uint64_t from,
                         const std::function<void(std::string_view)>& sink) override;
  std::filesystem::path log_path(const AppName& app, const BuildId& id) override;
  std::uint64_t log_tail(const AppName& app, const BuildId& id, std::uint64_t lines) override;

  SearchEnd search_logs(const LogSearch& search, const std::function<bool(const LogHit&)>& found,
                        std::stop_token stop) override;
  Build erase_log(const AppName& app, const BuildId& id, const std::string& who) override;

  void request_cancel(const AppName& app, const BuildId& id) override;
  BuildView cancel_build(const AppName& app, const BuildId& id) override;
  Pruned prune(const AppName& app) override;
  std::vector<AppName> apps_to_prune(std::vector<AppName> apps) override;
  Pruned would_prune(const AppName& app) override;
  void remove_build(const AppName& app, const BuildId& id) override;
  Build pin_build(const AppName& app, const BuildId& id) override;
  Build unpin_build(const AppName& app, const BuildId& id) override;

  ReleasePage list_releases(const AppName& app, std::size_t limit) override;
  std::optional<Release> newest_release(const AppName& app) override;
  Release get_release(const AppName& app, std::string_view text) override;
  Release create_release(const NewRelease& wanted) override;
  Build start_deploy(const StartDeploy& start, StartProgress& progress,
                     std::stop_token stop) override;

  void store_object(const AppName& app, const ObjectKey& key, const Fd& file) override;
  Fd open_object(const AppName& app, const ObjectKey& key) override;
  std::vector<ObjectKey> list_objects(const AppName& app) override;
  void remove_object(const AppName& app, const ObjectKey& key) override;

  std::vector<ServiceContainer> list_containers(const AppName& app) override;
  void read_container_logs(const ContainerLogQuery& query, const ContainerLine& line) override;
  void follow_container_logs(const ContainerLogQuery& query, const ContainerLine& line,
                             std::stop_token stop) override;
  std::size_t stop_containers(const AppName& app) override;

  std::vector<PropertyView> list_properties(const AppName* app) override;
  std::vector<engine::EngineReport> list_engines(const AppName* app) override;
  std::vector<engine::KnownLogin> list_registries(std::vector<std::string>& warnings) override;
  void add_registry(const std::string& host, const engine::Login& login) override;
  void remove_registry(const std::string& host) override;
  void set_property(const AppName* app, std::string_view key,
                    const std::optional<std::string>& value) override;

  store::MadeToken create_token(const store::NewToken& wanted) override;
  store::TokenList list_tokens() override;
  void revoke_token(const store::TokenId& id) override;
  AuditPage read_audit(const AuditFilter& filter) override;

  std::vector<store::HookDelivery> list_hook_deliveries(const AppName& app) override;
  std::vector<store::Webhook> list_webhooks(std::vector<std::string>& warnings) override;
  store::Webhook add_webhook(const NewWebhook& wanted) override;
  void remove_webhook(const store::WebhookId& id) override;
  store::Webhook test_webhook(const store::WebhookId& id) override;
  std::vector<store::WebhookMessage> list_webhook_messages(const store::WebhookId& id) override;

  std::vector<build::QueueEntry> list_queue() override;
  std::vector<std::string> resume_queue() override;

  std::vector<build::DiskItem> disk_use(std::vector<std::string>& warnings) override;
  std::vector<build::EnginePruned> prune_engines() override;
  std::vector<build::EnginePruned> would_prune_engines() override;

 private:
  void note(const char* action, const store::TokenId& token,
            const std::optional<AppName>& app) const;
  /// Throws Error{not_found} with the nearest app's name.
  App require_app(const AppName& name) const;
  /// Throws Error{not_found}.
  store::Webhook get_webhook(const store::WebhookId& id) const;
  void ensure_app(const AppName& name);
  /// What the app's properties let be fetched.
  source::FetchPolicy fetch_policy(const AppName& app) const;
  /// What can't fit is not begun, and nothing of it is kept.
  void require_disk_space(const AppName& app, const build::BuildRequest& request) const;
  Build pack_and_start(const StartBuild& start, const source::PackOptions& options,
                       StartProgress& progress, std::stop_token stop);
  /// The deploy lock of an app that nothing is deployed of. Throws Error{conflict} if something is.
  store::DeployLock lock_idle(const AppName& app);
  Build require_build(const AppName& app, const BuildId& id) const;
  /// Also a build whose app was called `app` when it ran; nullopt if there is none.
  std::optional<Build> find_build(const AppName& app, const BuildId& id) const;
  /// The same; throws Error{not_found}.
  Build require_renamed_build(const AppName& app, const BuildId& id) const;
  BuildView view(Build build) const;
  /// Tells queued ones where they stand.
  void find_places(std::vector<BuildView>& builds) const;
  std::vector<BuildView> running(const AppName& app) const;
  /// The builds of find_builds, one by one as they are read, until `visit` returns
  /// false. Returns the warnings.
  std::vector<std::string> visit_builds(const BuildFilter& filter,
                                        const std::function<bool(BuildView&&)>& visit) const;
  /// The newest build of the query.
  std::optional<Build> newest(const store::BuildQuery& query) const;
  /// Delivers what the journal holds of a build whose log file is missing.
  void deliver_journal(const AppName& app, const BuildId& id,
                       const std::function<void(std::string_view)>& sink, std::stop_token stop);

  store::Layout layout_;
  Caller caller_;
  store::FileStore store_;
};

}  // namespace cooper::rack
