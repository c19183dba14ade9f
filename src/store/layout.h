#pragma once
// Where things lie beneath the data root (docs/formats.md). Paths are built
// here and nowhere else, from checked names only.

#include "model/names.h"

#include <array>
#include <filesystem>
#include <string_view>
#include <sys/types.h>

namespace cooper::store {

/// Of a provenance statement's name, after the build's id. Not `.json`: Dokku's own
/// plugin takes every such file in the folder for a record.
inline constexpr std::string_view kStatementSuffix = ".intoto.jsonl";

/// Everything that belongs to one build.
struct BuildFiles {
  std::filesystem::path folder;  ///< of record, log and steps
  std::filesystem::path record;  ///< <id>.json
  std::filesystem::path log;     ///< <id>.log
  /// <id>.log.tail-0 and -1: the newest part of a log beyond its limit, while the build runs
  std::array<std::filesystem::path, 2> log_tails;
  std::filesystem::path steps;      ///< <id>.steps.jsonl
  std::filesystem::path statement;  ///< <id>.intoto.jsonl: see build/provenance.h
  std::filesystem::path source;     ///< <id>.tar.zst: the packaged source
  std::filesystem::path
      request;  ///< <id>.json beside it: what was asked for; 0600, it may hold secrets
  std::filesystem::path work;  ///< scratch folder while it runs
};

/// The paths beneath one data root: cooper's own, or Dokku's, which has the same
/// shape but keeps its apps elsewhere.
class Layout {
 public:
  explicit Layout(std::filesystem::path root) : root_(std::move(root)) {}
  /// `lib_root` is Dokku's DOKKU_LIB_ROOT; an app exists if `apps_root` (its
  /// DOKKU_ROOT) has a folder of its name.
  static Layout of_dokku(std::filesystem::path lib_root, std::filesystem::path apps_root);

  const std::filesystem::path& root() const { return root_; }
  bool is_dokkus() const { return !dokku_apps_.empty(); }
  /// Dokku's DOKKU_ROOT; empty for cooper's own data root.
  const std::filesystem::path& dokku_apps() const { return dokku_apps_; }
  /// Of logs and steps: for the owner and its group, since builds print secrets;
  /// for everybody under a Dokku root, as Dokku's users expect.
  mode_t log_mode() const { return is_dokkus() ? 0644 : 0640; }
  std::filesystem::path cache() const { return root_ / "cache"; }
  std::filesystem::path index() const { return cache() / "builds.sqlite"; }
  /// Digests of files of the folders that the app was built from (source/stat_cache.h).
  std::filesystem::path stat_cache(const AppName& app) const {
    return cache() / "stat" / app.str();
  }
  /// The source of the app's last build, unpacked (build/unpacked_source.h).
  std::filesystem::path kept_source(const AppName& app) const {
    return cache() / "sources" / app.str();
  }
  std::filesystem::path apps() const { return root_ / "data/apps"; }
  std::filesystem::path app(const AppName& app) const { return apps() / app.str(); }
  std::filesystem::path deploy_lock(const AppName& name) const {
    return app(name) / ".deploy.lock";
  }
  std::filesystem::path builds() const { return root_ / "data/builds"; }   ///< a folder an app
  std::filesystem::path root_id() const { return builds() / ".root-id"; }  ///< build/root_id.h
  std::filesystem::path builds(const AppName& app) const { return builds() / app.str(); }
  std::filesystem::path sources() const { return root_ / "data/sources"; }  ///< likewise
  std::filesystem::path sources(const AppName& app) const { return sources() / app.str(); }
  std::filesystem::path releases() const { return root_ / "data/releases"; }  ///< likewise
  std::filesystem::path releases(const AppName& app) const { return releases() / app.str(); }
  std::filesystem::path work() const { return root_ / "data/work"; }  ///< likewise
  std::filesystem::path work(const AppName& app) const { return work() / app.str(); }
  /// Of builds that run, and of what waits for its turn (build/queue.h).
  std::filesystem::path queue() const { return root_ / "data/queue"; }
  std::filesystem::path git() const { return root_ / "data/git"; }  ///< a bare repository an app
  std::filesystem::path git(const AppName& app) const { return git() / (app.str() + ".git"); }
  std::filesystem::path properties(const AppName* app) const {
    return root_ / "config/builds" / (app ? app->str() : "--global");
  }
  /// Credentials of `cooper registries add`: a containers auth file, 0600.
  std::filesystem::path registry_logins() const { return root_ / "config/registries/auth.json"; }
  /// What `cooper serve` gets before it is an object, without names: a crash leaves nothing.
  std::filesystem::path uploads() const { return root_ / "data/uploads"; }
  /// Files that clients stored for an app's builds (rack/local_objects.cc).
  std::filesystem::path objects() const { return root_ / "data/objects"; }  ///< a folder an app
  std::filesystem::path objects(const AppName& app) const { return objects() / app.str(); }
  /// Answers for clients that repeat a request (server/request_keys.h).
  std::filesystem::path request_keys() const { return root_ / "data/request-keys"; }
  /// What webhooks said, a file for each (store/hook_inbox.h).
  std::filesystem::path hooks() const { return root_ / "data/hooks"; }  ///< a folder an app
  std::filesystem::path hooks(const AppName& app) const { return hooks() / app.str(); }
  /// Whom we tell of what (store/webhooks.h).
  std::filesystem::path webhooks() const { return root_ / "config/webhooks"; }
  /// What has happened and is to be told.
  std::filesystem::path events() const { return root_ / "data/events"; }
  /// What one of them is to be told, and was.
  std::filesystem::path webhook_queue(const std::string& checked_id) const {
    return root_ / "data/webhooks" / checked_id;
  }
  /// The server's own certificate and key.
  std::filesystem::path server() const { return root_ / "config/server"; }
  /// A file for each (store/tokens.h).
  std::filesystem::path tokens() const { return root_ / "config/tokens"; }
  /// Who changed what (store/audit_log.h).
  std::filesystem::path audit() const { return root_ / "data/audit"; }
  BuildFiles build(const AppName& app, const BuildId& id) const;

 private:
  std::filesystem::path root_;
  std::filesystem::path dokku_apps_;
};

/// `$COOPER_ROOT`, else Dokku's root if `$DOKKU_LIB_ROOT` is set (its apps in
/// `$DOKKU_ROOT`, else /home/dokku), else /var/lib/cooper for root, else
/// `$XDG_DATA_HOME/cooper` (~/.local/share/cooper). Absolute. Throws
/// Error{invalid} if none can be told.
Layout default_layout();

}  // namespace cooper::store
