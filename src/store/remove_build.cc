// FileStore's verbs for builds that go, and those that must not.

#include "store/remove_build.h"

#include "base/error.h"
#include "store/file_store.h"

#include <algorithm>
#include <chrono>
#include <string_view>

namespace cooper::store {

namespace {

/// A record whose build is being removed says so: `"removing": true`.
constexpr std::string_view kRemoving = "removing";

}  // namespace

bool is_being_removed(const Build& build) {
  return std::ranges::any_of(build.unknown_fields,
                             [](const auto& field) { return field.first == kRemoving; });
}

namespace {

void set_pinned(Build& build) {
  if (is_being_removed(build)) {
    throw Error(Errc::conflict,
                "build " + build.id.str() + " of app " + build.app.str() + " is being removed",
                "if nobody removes it any more, unpin it first; its images may be gone");
  }
  build.pinned = true;
}

}  // namespace

std::optional<FolderLock> FileStore::lock_endings(const AppName& app) const {
  auto locked =
      lock_builds(app, {.file = std::string(kEndingLock), .patience = std::chrono::seconds{90}});
  if (!locked) return std::nullopt;
  return std::move(locked->lock);
}

bool FileStore::remove_unpinned_build(const AppName& app, const BuildId& id) {
  const auto locked = lock_builds(app);
  if (!locked) return true;
  if (const auto build = find_build(app, id); build && build->pinned) return false;
  remove_build(app, id);
  return true;
}

bool FileStore::begin_removal(const AppName& app, const BuildId& id) {
  try {
    const Build build = change_build(app, id, [](Build& it) {
      if (!it.pinned && !is_being_removed(it)) it.unknown_fields.emplace_back(kRemoving, "true");
    });
    return !build.pinned;
  } catch (const Error& error) {  // adapter: absent is an answer here
    if (error.code() != Errc::not_found) throw;
    return true;
  }
}

Build FileStore::pin_build(const AppName& app, const BuildId& id) {
  return change_build(app, id, set_pinned);
}

Build FileStore::unpin_build(const AppName& app, const BuildId& id) {
  return change_build(app, id, [](Build& build) {
    build.pinned = false;
    std::erase_if(build.unknown_fields, [](const auto& field) { return field.first == kRemoving; });
  });
}

}  // namespace cooper::store
