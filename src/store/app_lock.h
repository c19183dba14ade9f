#pragma once
// Keeps an app from being deleted while a build of it begins.

#include "base/error.h"
#include "model/names.h"
#include "store/file_store.h"
#include "store/folder_lock.h"

#include <optional>

namespace cooper::store {

/// The file of lock_app, in the app's folder.
inline constexpr std::string_view kDeleteLock = ".delete.lock";

/// Held together by those who give an app a record that does not have its deploy lock, alone by who
/// deletes it. nullopt: there is no such app, or no longer. Throws Error if it can't have it within
/// ten seconds: {unavailable} alone, {conflict} together.
std::optional<FolderLock> lock_app(const FileStore& store, const AppName& app, Holding holding);

/// What a build of it meets that had begun: Error{conflict}.
Error deleted_app(const AppName& app);

}  // namespace cooper::store
