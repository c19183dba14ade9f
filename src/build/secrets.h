#pragma once
// What must not be seen of a build.

#include "engine/build_secrets.h"
#include "model/environment.h"
#include "model/names.h"
#include "store/file_store.h"

#include <string>
#include <vector>

namespace cooper::build {

/// The values to hide in what a build of the app prints and says: those of
/// COOPER_REDACT, of the property `redact` (of the app and of all apps
/// together), those that the build is given, those of the app's `environment`
/// that have eight bytes or more and are neither the app's name nor "localhost", and what the
/// engine logs in to registries with.
/// `warnings` gets a line for what could not be read.
///
/// Throws Error if a property can't be read: better no build than one that leaks.
std::vector<std::string> secrets_of(const store::FileStore& store, const AppName& app,
                                    const engine::BuildSecrets& given,
                                    const Environment& environment,
                                    std::vector<std::string>& warnings);

}  // namespace cooper::build
