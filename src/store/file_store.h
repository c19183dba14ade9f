#pragma once
// The store that needs nothing but files.

#include "base/fd.h"
#include "store/folder_lock.h"
#include "store/layout.h"
#include "store/recent_builds.h"
#include "store/store.h"

#include <initializer_list>
#include <memory>

namespace cooper::store {

/// Files beneath a data root. A record is written under a temporary name and
/// renamed; read-modify-write holds flock on `.lock` in the app's builds folder.
class FileStore : public Store {
 public:
  /// Does it keep records in memory that are asked for again and again?
  enum class Memory { none, recent };
  /// Makes nothing: folders appear with their first file.
  explicit FileStore(Layout layout, Memory memory = Memory::none);

  const Layout& layout() const { return layout_; }
  /// Opens a folder beneath the root; no symbolic link leads out. Empty: absent.
  /// Throws Error.
  Fd find_folder(const std::filesystem::path& folder) const;

  /// Held by whoever ends a build in the place of its process, from looking at it until
  /// its record is terminal: what it left is cleaned up, and its log ended, once. Of
  /// the whole app; waits a minute and a half, then throws Error{unavailable}. nullopt:
  /// the app has no builds.
  std::optional<FolderLock> lock_endings(const AppName& app) const;

  App create_app(const AppName& name) override;
  std::optional<App> find_app(const AppName& name) const override;
  std::vector<App> list_apps() const override;
  std::vector<AppName> app_names() const override;
  void delete_app(const AppName& name) override;

  void insert_build(const Build& build) override;
  std::optional<Build> find_build(const AppName& app, const BuildId& id) const override;
  BuildList list_builds(const AppName& app, std::size_t limit) const override;
  std::vector<std::string> query_builds(const BuildQuery& query,
                                        const VisitBuild& visit) const override;
  AppBuildsList count_builds() const override;
  std::vector<BuildId> build_ids(const AppName& app) const override;
  Finalized finalize_build(const AppName& app, const BuildId& id, const Outcome& outcome,
                           Time when) override;
  Build change_build(const AppName& app, const BuildId& id,
                     const std::function<void(Build&)>& change) override;
  void remove_build(const AppName& app, const BuildId& id) override;
  bool remove_unpinned_build(const AppName& app, const BuildId& id) override;
  bool begin_removal(const AppName& app, const BuildId& id) override;
  Build pin_build(const AppName& app, const BuildId& id) override;
  Build unpin_build(const AppName& app, const BuildId& id) override;
  std::uint64_t build_bytes(const AppName& app, const BuildId& id) const override;

  void insert_release(const Release& release) override;
  std::optional<Release> find_release(const AppName& app, const ReleaseId& id) const override;
  ReleaseList list_releases(const AppName& app, std::size_t limit) const override;
  std::optional<Release> newest_release(const AppName& app) const override;
  Release derive_release(const AppName& app, const std::function<void(Release&)>& change) override;
  App activate_release(const AppName& name, const ReleaseId& release,
                       const BuildId& deploy) override;
  void remove_release(const AppName& app, const ReleaseId& id) override;
  void remove_releases_of(const AppName& app, const BuildId& build,
                          std::vector<Release> known) override;

  std::optional<std::string> find_property(const AppName* app,
                                           const PropertyKey& key) const override;
  void set_property(const AppName* app, const PropertyKey& key,
                    const std::optional<std::string>& value) override;
  std::vector<PropertyKey> property_keys(const AppName* app) const override;

  /// As the index says it, without reading records: a tenth of a second for a million.
  std::vector<BuildTally> tally_builds() const;

  /// What Dokku's apps need (store/renamed_apps.cc). Forgets builds, with all that
  /// goes with them, and properties of an app that is gone. Absent is fine.
  void forget_app(const AppName& name);
  /// Moves builds, with all that goes with them, and properties of `from` to `to`.
  /// Where `to` has some already nothing of it is overwritten: what could not be
  /// moved stays where it is, and is named in the lines that are returned. Records
  /// say the new name afterwards; one that runs is found under its old name by
  /// change_build and finalize_build. Can be repeated after a crash.
  std::vector<std::string> rename_app(const AppName& from, const AppName& to);
  /// The app that now has a build which ran when its app was called `old_name`.
  std::optional<AppName> find_renamed(const AppName& old_name, const BuildId& id) const;

 private:
  Release derive_locked(const AppName& app, const std::optional<Release>& newest,
                        const std::function<void(Release&)>& change);

  /// The folder of an app's records, and the lock on it. nullopt: absent.
  struct LockedBuilds {
    Fd folder;
    FolderLock lock;
  };
  std::vector<ReleaseId> release_ids(const AppName& app) const;  ///< ascending
  std::optional<LockedBuilds> lock_builds(const AppName& app, const LockName& name = {}) const;
  void move_repository(const AppName& from, const AppName& to, std::vector<std::string>& left);
  void move_builds(const AppName& from, const AppName& to, std::vector<std::string>& left);
  /// Opens a file beneath the root; no symbolic link leads out. nullopt: absent.
  std::optional<std::string> read(const std::filesystem::path& path) const;
  /// So few that reading all of them is quicker than asking the index.
  bool has_few_builds(const AppName& app) const;
  std::vector<std::string> read_builds(const BuildQuery& query, const VisitBuild& visit) const;
  std::shared_ptr<const RecentBuilds::Kept> recent_builds(const AppName& app) const;
  std::vector<std::string> names(const std::filesystem::path& folder) const;
  Fd folder_for_writing(const std::filesystem::path& folder, mode_t mode) const;
  /// Removes a file of the store, durably. Absent is fine.
  void remove(const std::filesystem::path& path) const;
  /// The same with files of one folder, in this order.
  void remove(const std::filesystem::path& folder,
              std::initializer_list<std::filesystem::path> files) const;

  Layout layout_;
  std::shared_ptr<RecentBuilds> recent_;  ///< null: nothing is kept
};

}  // namespace cooper::store
