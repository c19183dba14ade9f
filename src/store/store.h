#pragma once
// Where records, releases, apps and properties live.

#include "model/build.h"
#include "model/release.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace cooper::store {

struct BuildList {
  std::vector<Build> builds;          ///< newest first
  std::vector<std::string> warnings;  ///< records that could not be read, one line each
};

/// Which builds; what is left out does not narrow.
struct BuildQuery {
  std::optional<AppName> app;    ///< of all apps if absent
  std::optional<BuildId> id;     ///< of this id, which several apps may have
  std::vector<Status> statuses;  ///< as stored, one of them; empty: any
  std::optional<Kind> kind;
  std::string source;         ///< as stored; empty: any
  std::optional<Time> since;  ///< started then or later
  std::optional<Time> until;  ///< started before

  /// A place in the order of builds: those that started then, or had this id if
  /// they started at the same time, and all newer ones are left out.
  struct Position {
    Time started;
    BuildId id;
  };
  std::optional<Position> before;
};

/// The build is one of those that the query asks for.
bool matches(const BuildQuery& query, const Build& build);

/// Takes a build and returns whether more are wanted.
using VisitBuild = std::function<bool(Build&&)>;

/// How many builds an app has, without reading their records.
struct AppBuilds {
  AppName app;
  std::optional<BuildId> newest;  ///< of the readable ones
  std::size_t live = 0;           ///< queued or running, as stored
  std::size_t finished = 0;
  std::size_t unreadable = 0;
  std::size_t leftovers = 0;  ///< temporary files, and logs and steps without a record
};

struct AppBuildsList {
  std::vector<AppBuilds> apps;        ///< by name; those alone that have a folder of builds
  std::vector<std::string> warnings;  ///< as BuildList's
};

/// How many builds of all apps are of a kind and have a status, as stored.
struct BuildTally {
  Kind kind;
  Status status;
  std::size_t builds;
};

struct ReleaseList {
  std::vector<Release> releases;  ///< newest first
  std::vector<std::string> warnings;
};

struct Finalized {
  Build build;  ///< the record as it stands now
  bool won;     ///< false: it was terminal before, and nothing was changed
};

/// Durable records. Every call is one atomic, durable change or none: when it
/// returns the change survives a crash, when it throws nothing was written.
/// Blocking; safe to use from several threads and processes at once.
/// All calls may throw Error{denied}, Error{unavailable} or Error{corrupt}.
class Store {
 public:
  virtual ~Store() = default;

  /// Throws Error{conflict} if it exists.
  virtual App create_app(const AppName& name) = 0;
  virtual std::optional<App> find_app(const AppName& name) const = 0;
  virtual std::vector<App> list_apps() const = 0;  ///< by name
  /// The same apps, ascending. Reads no app's facts: damage hides none.
  virtual std::vector<AppName> app_names() const = 0;
  /// Removes the app with all its builds, releases, sources and properties, the
  /// app itself last: not atomic, but what a crash leaves can be deleted again.
  /// Throws Error{not_found}.
  virtual void delete_app(const AppName& name) = 0;

  /// Throws Error{conflict} if the id is taken.
  virtual void insert_build(const Build& build) = 0;
  /// nullopt when absent: not finding a build is not an error.
  virtual std::optional<Build> find_build(const AppName& app, const BuildId& id) const = 0;
  /// At most `limit` of the app's builds; 0: all.
  virtual BuildList list_builds(const AppName& app, std::size_t limit) const = 0;
  /// Visits the builds newest first (by start, then by id) until `visit` returns
  /// false. Reads few records more than it visits, however many there are.
  /// Returns warnings about records that could not be read, one line each.
  virtual std::vector<std::string> query_builds(const BuildQuery& query,
                                                const VisitBuild& visit) const = 0;
  /// Every app that has builds, and how many: quick for thousands of apps.
  virtual AppBuildsList count_builds() const = 0;
  /// Ids of the app's builds, ascending. Reads no record.
  virtual std::vector<BuildId> build_ids(const AppName& app) const = 0;
  /// The first to finalize wins. Throws Error{not_found}.
  virtual Finalized finalize_build(const AppName& app, const BuildId& id, const Outcome& outcome,
                                   Time when) = 0;
  /// Applies `change` to the record as it stands, among other writers' changes
  /// to it; writes only if that made a difference. `change` must be quick:
  /// it runs while the app's records are locked. If it throws, nothing is written.
  /// Returns the record as it stands now. Throws Error{not_found}.
  virtual Build change_build(const AppName& app, const BuildId& id,
                             const std::function<void(Build&)>& change) = 0;
  /// Removes a build's record, log, steps and source. Absent is fine.
  virtual void remove_build(const AppName& app, const BuildId& id) = 0;
  /// The same, unless the build is pinned by now: false.
  virtual bool remove_unpinned_build(const AppName& app, const BuildId& id) = 0;
  /// Before what belongs to a build elsewhere (its images) is removed: from now on
  /// it can't be pinned. False if it is pinned. Absent is fine. A removal that fails
  /// is begun again, or taken back by unpinning.
  virtual bool begin_removal(const AppName& app, const BuildId& id) = 0;
  /// Throws Error{not_found}, Error{conflict} once its removal has begun.
  virtual Build pin_build(const AppName& app, const BuildId& id) = 0;
  /// Takes back a pin, and the beginning of a removal. Throws Error{not_found}.
  virtual Build unpin_build(const AppName& app, const BuildId& id) = 0;
  /// Of its log, steps, source and request, as they are now.
  virtual std::uint64_t build_bytes(const AppName& app, const BuildId& id) const = 0;

  virtual void insert_release(const Release& release) = 0;
  virtual std::optional<Release> find_release(const AppName& app, const ReleaseId& id) const = 0;
  virtual ReleaseList list_releases(const AppName& app, std::size_t limit) const = 0;
  /// The one that has the app's environment. Throws Error{corrupt} if that one can't be
  /// read: an older one would say something else.
  virtual std::optional<Release> newest_release(const AppName& app) const = 0;
  /// Makes a release from the app's newest one: `change` gets a copy of that (an empty
  /// one if there is none) with an id and a time of its own. Nobody else makes one
  /// meanwhile, and it is the newest one, whatever the clock says: two changes of the
  /// environment both count. `change` must be quick; if it throws, nothing is written.
  /// Throws Error{corrupt} if the newest one can't be read: what it says would be lost.
  virtual Release derive_release(const AppName& app,
                                 const std::function<void(Release&)>& change) = 0;
  /// Makes a release the active one, for the deploy `deploy`, which holds the app's
  /// deploy lock. Returns the app as it is now. Throws Error{not_found}.
  virtual App activate_release(const AppName& app, const ReleaseId& release,
                               const BuildId& deploy) = 0;
  virtual void remove_release(const AppName& app, const ReleaseId& id) = 0;
  /// Removes the releases of a build; nobody makes one meanwhile. If the newest one is among
  /// them, a new release keeps the app's environment, with what the newest of another build
  /// has else; unless one can't be read, which may have it. `known`: the app's releases as
  /// they were a while ago, newest first; those made since are looked at, too.
  virtual void remove_releases_of(const AppName& app, const BuildId& build,
                                  std::vector<Release> known) = 0;

  /// A property of an app, or of `--global` when `app` is null. nullopt: unset.
  virtual std::optional<std::string> find_property(const AppName* app,
                                                   const PropertyKey& key) const = 0;
  /// nullopt unsets.
  virtual void set_property(const AppName* app, const PropertyKey& key,
                            const std::optional<std::string>& value) = 0;
  /// Keys that are set on that level, ascending.
  virtual std::vector<PropertyKey> property_keys(const AppName* app) const = 0;
};

}  // namespace cooper::store
