#pragma once
// Which builds an app's releases need, and what becomes of releases whose build goes.

#include "base/error.h"
#include "store/file_store.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace cooper::build {

/// The app's releases, newest first, for somebody who removes what none of them needs: throws
/// Error{corrupt} if one can't be read, as that one may need anything.
std::vector<Release> readable_releases(const store::FileStore& store, const AppName& app);

/// Ids of the builds of the active release, of the one that was active before (to which
/// a rollback goes), of the newest one, which has the app's environment, and of those that
/// are being deployed. Throws Error, as readable_releases does.
std::set<std::string> builds_in_use(const store::FileStore& store, const AppName& app);

/// The deploys of releases that have not ended, unless their process has vanished. Throws
/// Error.
std::vector<Build> live_deploys(const store::FileStore& store, const AppName& app);

/// A live deploy of a release of this build; nullopt: there is none. Throws Error.
std::optional<Build> find_deploy_of(const store::FileStore& store, const AppName& app,
                                    const BuildId& build);

/// Why a build stays. Error{conflict}
Error being_deployed(const BuildId& build, const Build& deploy);

/// Throws Error{conflict} if the release's build is gone, or goes.
void require_build(const store::FileStore& store, const Release& release);

/// For a deploy whose record is there: whoever removes the build either sees that record, and
/// leaves the build alone, or has begun before. Throws Error{conflict} if the release or its
/// build is gone, or goes.
void require_whole(const store::FileStore& store, const Release& release);

/// Each change of the environment makes a release, and none of them makes a build go. Which
/// can go: those that are not among the newest `count`, nor the newest one of their build, nor
/// active, nor active before, nor being deployed. Oldest first. Throws Error{corrupt} if the
/// app's record can't be read.
std::vector<ReleaseId> superseded_releases(const store::FileStore& store, const AppName& app,
                                           std::size_t count);

/// The deploy has done what it was for: it made its release the active one. Its supervisor
/// may have vanished before the record said so.
bool took_effect(const store::FileStore& store, const Build& deploy);

}  // namespace cooper::build
