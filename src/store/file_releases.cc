// FileStore: releases, and which of them is the active one.

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "model/json.h"
#include "store/file_store.h"
#include "store/folders.h"
#include "store/webhooks.h"

#include <algorithm>
#include <optional>
#include <string>

namespace cooper::store {

namespace {

/// The id that comes right after `id` in their order.
ReleaseId next_after(const ReleaseId& id) {
  constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::string text = id.str();
  for (std::size_t i = text.size(); i-- > 1;) {
    const std::size_t digit = kDigits.find(text[i]);
    if (digit + 1 < kDigits.size()) {
      text[i] = kDigits[digit + 1];
      return ReleaseId::parse(text).value();
    }
    text[i] = kDigits[0];
  }
  return ReleaseId::parse(id.str() + "0").value();  // only z: a longer one comes after it
}

/// What others may know of a release: its environment is full of secrets, its manifest long.
std::string public_json(Release release) {
  release.environment.clear();
  release.manifest.clear();
  return to_json(release);
}

}  // namespace

void FileStore::insert_release(const Release& release) {
  const Fd folder = folder_for_writing(layout_.releases(release.app), 0700);
  raise_event(layout_, {.kind = EventKind::release_created,
                        .app = release.app.str(),
                        .id = release.id.str(),
                        .release = {},
                        .data = public_json(release),
                        .at = release.created_at});
  write_file_durably(folder, release.id.str() + ".json", to_json(release), 0600, IfExists::fail);
}

std::optional<Release> FileStore::find_release(const AppName& app, const ReleaseId& id) const {
  const auto text = read(layout_.releases(app) / (id.str() + ".json"));
  if (!text) return std::nullopt;
  Result<Release> release = parse_release(*text, id, app);
  if (!release) throw Error(release.error()).while_doing("release " + app.str() + "/" + id.str());
  return std::move(*release);
}

std::vector<ReleaseId> FileStore::release_ids(const AppName& app) const {
  return ids_of<ReleaseId>(names(layout_.releases(app)), ".json");
}

ReleaseList FileStore::list_releases(const AppName& app, std::size_t limit) const {
  ReleaseList list;
  std::vector<ReleaseId> ids = release_ids(app);
  std::ranges::reverse(ids);
  for (const ReleaseId& id : ids) {
    if (limit != 0 && list.releases.size() >= limit) break;
    try {
      if (auto release = find_release(app, id)) list.releases.push_back(std::move(*release));
    } catch (const Error& error) {  // boundary: one damaged release must not hide the others
      list.warnings.push_back("release " + app.str() + "/" + id.str() +
                              " can't be read: " + printable(error.message()));
    }
  }
  return list;
}

std::optional<Release> FileStore::newest_release(const AppName& app) const {
  const std::vector<ReleaseId> ids = release_ids(app);
  if (ids.empty()) return std::nullopt;
  try {
    return find_release(app, ids.back());
  } catch (const Error& error) {  // adapter: says what to do
    if (error.code() != Errc::corrupt) throw;
    throw Error(Errc::corrupt, "the newest release can't be read: " + error.message(),
                "mend or remove its file in " + layout_.releases(app).string());
  }
}

Release FileStore::derive_release(const AppName& app, const std::function<void(Release&)>& change) {
  const FolderLock lock(folder_for_writing(layout_.releases(app), 0700));
  return derive_locked(app, newest_release(app), change);
}

/// For a caller that holds the lock of the releases.
Release FileStore::derive_locked(const AppName& app, const std::optional<Release>& newest,
                                 const std::function<void(Release&)>& change) {
  ReleaseId id = new_release_id();
  Release release = newest.value_or(Release{.id = id, .app = app});
  if (newest && id <= newest->id) id = next_after(newest->id);  // the clock was set back
  release.id = id;
  release.created_at = {now()};
  change(release);
  insert_release(release);
  return release;
}

App FileStore::activate_release(const AppName& name, const ReleaseId& release,
                                const BuildId& deploy) {
  std::optional<App> app = layout_.is_dokkus() ? std::nullopt : find_app(name);
  if (!app) throw Error(Errc::not_found, "no such app: " + name.str());
  const std::optional<Release> promoted = find_release(name, release);
  if (!promoted) {
    throw Error(Errc::not_found, "no release " + release.str() + " of app " + name.str());
  }
  if (app->release != release.str()) app->previous = app->release;
  app->release = release.str();
  app->deploy = deploy.str();
  raise_event(layout_, {.kind = EventKind::release_promoted,
                        .app = name.str(),
                        .id = deploy.str(),
                        .release = release.str(),
                        .data = public_json(*promoted),
                        .at = {now()}});
  write_file_durably(folder_for_writing(layout_.app(name), 0755), "app.json", to_json(*app), 0644);
  return *std::move(app);
}

void FileStore::remove_release(const AppName& app, const ReleaseId& id) {
  remove(layout_.releases(app) / (id.str() + ".json"));
}

void FileStore::remove_releases_of(const AppName& app, const BuildId& build,
                                   std::vector<Release> known) {
  if (!find_folder(layout_.releases(app))) return;
  const FolderLock lock(folder_for_writing(layout_.releases(app), 0700));
  std::vector<Release> since;
  bool is_newest_known = true;
  const std::vector<ReleaseId> ids = release_ids(app);
  for (auto id = ids.rbegin(); id != ids.rend() && (known.empty() || *id > known[0].id); ++id) {
    try {
      if (auto release = find_release(app, *id)) since.push_back(*std::move(release));
    } catch (const Error&) {  // adapter: it stays
      is_newest_known = false;
    }
  }
  known.insert(known.begin(), since.begin(), since.end());
  const auto is_of_build = [&](const Release& release) { return release.build == build.str(); };
  if (is_newest_known && !known.empty() && is_of_build(known[0])) {
    const auto next = std::ranges::find_if_not(known, is_of_build);
    const Release other = next == known.end() ? Release{.id = known[0].id, .app = app} : *next;
    if (known[0].environment != other.environment) {
      derive_locked(app, known[0], [&](Release& release) {
        release.build = other.build;
        release.manifest = other.manifest;
        release.images = other.images;
        release.description = "environment of a release whose build was removed";
      });
    }
  }
  for (const Release& release : known) {
    if (is_of_build(release)) remove_release(app, release.id);
  }
}

}  // namespace cooper::store
