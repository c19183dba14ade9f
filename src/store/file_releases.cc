// FileStore: releases, and which of them is the active one.

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "model/json.h"
#include "store/file_store.h"
#include "store/folders.h"

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

}  // namespace

void FileStore::insert_release(const Release& release) {
  const Fd folder = folder_for_writing(layout_.releases(release.app), 0700);
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

Release FileStore::derive_release(const AppName& app, const std::function<void(Release&)>& change) {
  const FolderLock lock(folder_for_writing(layout_.releases(app), 0700));
  const std::vector<ReleaseId> ids = release_ids(app);
  ReleaseId id = new_release_id();
  Release release{.id = id, .app = app};
  if (!ids.empty()) {
    release = find_release(app, ids.back()).value_or(release);
    if (id <= ids.back()) id = next_after(ids.back());  // the clock was set back
  }
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
  if (!find_release(name, release)) {
    throw Error(Errc::not_found, "no release " + release.str() + " of app " + name.str());
  }
  if (app->release != release.str()) app->previous = app->release;
  app->release = release.str();
  app->deploy = deploy.str();
  write_file_durably(folder_for_writing(layout_.app(name), 0755), "app.json", to_json(*app), 0644);
  return *std::move(app);
}

void FileStore::remove_release(const AppName& app, const ReleaseId& id) {
  remove(layout_.releases(app) / (id.str() + ".json"));
}

}  // namespace cooper::store
