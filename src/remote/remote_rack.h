#pragma once
// The verbs, done by a server: its /v1 interface (docs/api.md).

#include "rack/rack.h"
#include "remote/api_client.h"
#include "store/layout.h"

#include <cstdint>
#include <functional>
#include <memory>

namespace cooper::remote {

/// Hears how far an upload is.
class UploadWatcher {
 public:
  virtual ~UploadWatcher() = default;
  /// `sent` of `all` bytes that the server lacks.
  virtual void sent(std::uint64_t sent, std::uint64_t all) = 0;
  /// It is over, one way or another.
  virtual void done() = 0;
};

/// Blocking; safe to use from several threads at once.
class RemoteRack : public rack::Rack {
 public:
  /// `cache`: where packed sources stay from one build to the next. All are borrowed.
  RemoteRack(HttpClient& http, store::Layout cache, UploadWatcher& uploads)
      : api_(http), cache_(std::move(cache)), uploads_(uploads) {}

  App create_app(const AppName& name) override;
  std::optional<App> find_app(const AppName& name) override;
  App get_app(const AppName& name) override;
  std::vector<App> list_apps() override;
  std::vector<AppName> app_names() override;
  void delete_app(const AppName& name) override;
  std::filesystem::path initialize_git(const AppName& app) override;

  Build start_build(const rack::StartBuild& start, rack::StartProgress& progress,
                    std::stop_token stop) override;
  Build build_commit(const rack::BuildCommit& commit, rack::StartProgress& progress,
                     std::stop_token stop) override;
  Build build_archive(const rack::BuildArchive& wanted, rack::StartProgress& progress,
                      std::stop_token stop) override;
  rack::Synced sync_git(const rack::SyncGit& wanted, rack::StartProgress& progress,
                        std::stop_token stop) override;
  Build retry_build(const rack::RetryBuild& retry, rack::StartProgress& progress,
                    std::stop_token stop) override;
  Build start_image(const rack::StartImage& start, rack::StartProgress& progress,
                    std::stop_token stop) override;
  Build import_build(const rack::ImportBuild& start, rack::StartProgress& progress,
                     std::stop_token stop) override;
  void export_build(const rack::ExportBuild& wanted, std::stop_token stop) override;
  Build start_command(const rack::StartCommand& start, rack::StartProgress& progress,
                      std::stop_token stop) override;

  rack::BuildPage list_builds(const AppName& app, std::size_t limit) override;
  rack::BuildPage find_builds(const rack::BuildFilter& filter) override;
  std::map<AppName, rack::BuildPage> newest_builds() override;
  BuildId resolve_build(const AppName& app, std::string_view text,
                        std::optional<Kind> kind) override;
  rack::BuildView get_build(const AppName& app, const BuildId& id) override;
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

  rack::SearchEnd search_logs(const rack::LogSearch& search,
                              const std::function<bool(const rack::LogHit&)>& found,
                              std::stop_token stop) override;
  Build erase_log(const AppName& app, const BuildId& id, const std::string& who) override;

  void request_cancel(const AppName& app, const BuildId& id) override;
  rack::BuildView cancel_build(const AppName& app, const BuildId& id) override;
  Pruned prune(const AppName& app) override;
  std::vector<AppName> apps_to_prune(std::vector<AppName> apps) override;
  Pruned would_prune(const AppName& app) override;
  void remove_build(const AppName& app, const BuildId& id) override;
  Build pin_build(const AppName& app, const BuildId& id) override;
  Build unpin_build(const AppName& app, const BuildId& id) override;

  rack::ReleasePage list_releases(const AppName& app, std::size_t limit) override;
  std::optional<Release> newest_release(const AppName& app) override;
  Release get_release(const AppName& app, std::string_view text) override;
  Release create_release(const rack::NewRelease& wanted) override;
  Build start_deploy(const rack::StartDeploy& start, rack::StartProgress& progress,
                     std::stop_token stop) override;

  void store_object(const AppName& app, const rack::ObjectKey& key, const Fd& file) override;
  Fd open_object(const AppName& app, const rack::ObjectKey& key) override;
  std::vector<rack::ObjectKey> list_objects(const AppName& app) override;
  void remove_object(const AppName& app, const rack::ObjectKey& key) override;

  std::vector<rack::ServiceContainer> list_containers(const AppName& app) override;
  void read_container_logs(const rack::ContainerLogQuery& query,
                           const ContainerLine& line) override;
  void follow_container_logs(const rack::ContainerLogQuery& query, const ContainerLine& line,
                             std::stop_token stop) override;
  std::size_t stop_containers(const AppName& app) override;

  std::vector<rack::PropertyView> list_properties(const AppName* app) override;
  std::vector<engine::EngineReport> list_engines(const AppName* app) override;
  std::vector<engine::KnownLogin> list_registries(std::vector<std::string>& warnings) override;
  void add_registry(const std::string& host, const engine::Login& login) override;
  void remove_registry(const std::string& host) override;
  void set_property(const AppName* app, std::string_view key,
                    const std::optional<std::string>& value) override;

  store::MadeToken create_token(const store::NewToken& wanted) override;
  store::TokenList list_tokens() override;
  void revoke_token(const store::TokenId& id) override;
  rack::AuditPage read_audit(const rack::AuditFilter& filter) override;

  std::vector<store::HookDelivery> list_hook_deliveries(const AppName& app) override;
  std::vector<store::Webhook> list_webhooks(std::vector<std::string>& warnings) override;
  store::Webhook add_webhook(const rack::NewWebhook& wanted) override;
  void remove_webhook(const store::WebhookId& id) override;
  store::Webhook test_webhook(const store::WebhookId& id) override;
  std::vector<store::WebhookMessage> list_webhook_messages(const store::WebhookId& id) override;

  std::vector<build::QueueEntry> list_queue() override;
  std::vector<std::string> resume_queue() override;

  std::vector<build::DiskItem> disk_use(std::vector<std::string>& warnings) override;
  std::vector<build::EnginePruned> prune_engines() override;
  std::vector<build::EnginePruned> would_prune_engines() override;

 private:
  /// A build that a request has started; what the server said on the way is told to `progress`.
  Build started(const std::string& answer, rack::StartProgress& progress) const;
  void ensure_app(const AppName& app);
  enum class DryRun { no, yes };
  Pruned prune_as(const AppName& app, DryRun dry_run);
  std::vector<build::EnginePruned> prune_engines_as(DryRun dry_run);

  ApiClient api_;
  store::Layout cache_;
  UploadWatcher& uploads_;
};

/// Throws: `what` is for who is logged in on the server's host.
[[noreturn]] void refuse_here(const std::string& what);

}  // namespace cooper::remote
