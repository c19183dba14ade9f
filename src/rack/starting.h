#pragma once
// What comes before every supervised build: its stored files, and the deploy lock.

#include "build/queue.h"
#include "build/request.h"
#include "rack/rack.h"
#include "store/deploy_lock.h"
#include "store/file_store.h"
#include "store/layout.h"

#include <functional>
#include <optional>
#include <stop_token>
#include <vector>

namespace cooper::rack {

/// Marks a stored file as in use: prune keeps its hands off while it is open.
void mark_in_use(const Fd& file);

/// What is stored for a build before it has a record: marked as in use, and gone
/// again if the build never comes to be.
class StoredSource {
 public:
  /// `layout` must outlive it.
  StoredSource(const store::Layout& layout, store::BuildFiles files)
      : layout_(layout), files_(std::move(files)) {}
  ~StoredSource();
  StoredSource(const StoredSource&) = delete;
  StoredSource& operator=(const StoredSource&) = delete;

  void hold(Fd file) { held_.push_back(std::move(file)); }
  /// Stores what was asked for, durably. Throws Error.
  void add_request(const build::BuildRequest& request);
  /// The build has its record.
  void keep() { kept_ = true; }

 private:
  const store::Layout& layout_;
  store::BuildFiles files_;
  std::vector<Fd> held_;
  bool kept_ = false;
};

/// The deploy lock until a supervisor has it. If none ever does, it is freed as the supervisor
/// would have freed it: under a Dokku root its file must go, too.
class StartLock {
 public:
  /// `layout` must outlive it.
  StartLock(const store::Layout& layout, const AppName& app, store::DeployLock lock)
      : layout_(layout), app_(app), lock_(std::move(lock)) {}
  StartLock(StartLock&&) noexcept = default;
  StartLock& operator=(StartLock&&) = delete;
  StartLock(const StartLock&) = delete;
  StartLock& operator=(const StartLock&) = delete;
  ~StartLock();

  const store::DeployLock& lock() const { return lock_; }
  /// The supervisor holds it now.
  void handed_on() { const store::DeployLock ours = std::move(lock_); }

 private:
  const store::Layout& layout_;
  AppName app_;
  store::DeployLock lock_;
};

/// Throws Error{invalid} for an app that no image can be named after.
void require_image_names(const AppName& app);

/// The manifest of an app with one service, which is an image.
std::string image_manifest(const ServiceName& service, const std::string& image);

/// The app's deploy lock, as Rack::start_deploy says; those who wait for it have it in turn. Once
/// it is had, nothing of a
/// build runs any more whose supervisor vanished; a notice says so.
StartLock wait_for_lock(store::FileStore& store, const AppName& app, IfLocked if_locked,
                        StartProgress& progress, const std::stop_token& stop);

/// How a build of images begins: at its turn, or at once or not at all. Its place in the queue is
/// given back if it never comes to be.
class BuildStart {
 public:
  /// With IfLocked::fail this has the deploy lock and a place among the builds that run, or throws
  /// Error{conflict}. `store` and `progress` must outlive it.
  BuildStart(store::FileStore& store, const AppName& app, IfLocked if_locked,
             StartProgress& progress, std::stop_token stop);
  ~BuildStart();
  BuildStart(const BuildStart&) = delete;
  BuildStart& operator=(const BuildStart&) = delete;

  const BuildId& id() const { return id_; }
  /// Starts the supervisor of a build whose source and request are stored, and returns when its
  /// record is there. `last_check`: see StartBuild; may be empty.
  void run(const build::BuildRequest& request, const engine::BuildSecrets& secrets = {},
           const std::function<void()>& last_check = {});

 private:
  void enter(const build::BuildRequest& request);
  void after_start();

  store::FileStore& store_;
  AppName app_;
  BuildId id_ = new_build_id();
  StartProgress& progress_;
  std::stop_token stop_;
  std::optional<StartLock> lock_;
  std::optional<build::HeldTicket> ticket_;
};

}  // namespace cooper::rack
