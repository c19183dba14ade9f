#pragma once
// Which builds an app's releases need, and what becomes of releases whose build goes.

#include "store/file_store.h"

#include <set>
#include <string>
#include <vector>

namespace cooper::build {

/// Ids of the builds of the active release, of the one that was active before (to which
/// a rollback goes), and of the newest one, which has the app's environment.
std::set<std::string> builds_in_use(const store::FileStore& store, const AppName& app);

/// Removes the releases of a build. If the newest one is among them, a new release keeps the
/// app's environment. `releases`: the app's, newest first. Throws Error.
void remove_releases(store::FileStore& store, const AppName& app, const BuildId& build,
                     const std::vector<Release>& releases);

/// The deploy has done what it was for: it made its release the active one. Its supervisor
/// may have vanished before the record said so.
bool took_effect(const store::FileStore& store, const Build& deploy);

}  // namespace cooper::build
