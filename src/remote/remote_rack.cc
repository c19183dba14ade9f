// RemoteRack: apps, builds, and what only the server's host can do.

#include "remote/remote_rack.h"

#include "api/build_query.h"
#include "api/builds.h"
#include "api/cursor.h"
#include "api/list.h"
#include "api/releases.h"
#include "api/requests.h"
#include "base/ascii.h"
#include "base/error.h"
#include "model/json_values.h"
#include "remote/paths.h"

#include <algorithm>

namespace cooper::remote {
namespace json = boost::json;

void refuse_here(const std::string& what) {
  throw Error(Errc::invalid, what + " works on the server's host alone",
              "log in there, or unset COOPER_URL to work on this host");
}

// Apps

App RemoteRack::create_app(const AppName& name) {
  return api_.understood(api::parse_app_object(
      api_.object_in(api_.post_once("/v1/apps", json::object{{"name", name.str()}}))));
}

std::optional<App> RemoteRack::find_app(const AppName& name) {
  const auto text = api_.find(path_of(name));
  if (!text) return std::nullopt;
  return api_.understood(api::parse_app_object(api_.object_in(*text)));
}

App RemoteRack::get_app(const AppName& name) {
  return api_.understood(api::parse_app_object(api_.object_in(api_.get(path_of(name)))));
}

void RemoteRack::ensure_app(const AppName& app) {
  if (find_app(app)) return;
  try {
    create_app(app);
  } catch (const Error& error) {  // adapter: another one may have made it meanwhile
    if (error.code() != Errc::conflict) throw;
  }
}

std::vector<App> RemoteRack::list_apps() {
  return all_pages<App>(api_, "/v1/apps", {}, api::parse_app_object).items;
}

std::vector<AppName> RemoteRack::app_names() {
  std::vector<AppName> names;
  for (const App& app : list_apps()) names.push_back(app.name);
  return names;
}

void RemoteRack::delete_app(const AppName& name) { api_.remove(path_of(name)); }

// Builds

rack::BuildPage RemoteRack::find_builds(const rack::BuildFilter& filter) {
  const std::string path = filter.app ? path_of(*filter.app) + "/builds" : "/v1/builds";
  rack::BuildPage page;
  api::BuildQuery query{.filter = filter, .cursor = {}};
  do {
    if (filter.limit != 0) query.filter.limit = filter.limit - page.builds.size();
    auto list = api_.understood(api::parse_list<rack::BuildView>(
        api_.get(path + api::query_text(api::to_query(query))), api::parse_build_view));
    std::ranges::move(list.items, std::back_inserter(page.builds));
    std::ranges::move(list.warnings, std::back_inserter(page.warnings));
    query.cursor = list.next;
  } while (!query.cursor.empty() && (filter.limit == 0 || page.builds.size() < filter.limit));
  return page;
}

rack::BuildPage RemoteRack::list_builds(const AppName& app, std::size_t limit) {
  return find_builds({.app = app, .limit = limit});
}

std::map<AppName, rack::BuildPage> RemoteRack::newest_builds() {
  std::map<AppName, rack::BuildPage> newest;
  auto list = all_pages<rack::BuildView>(api_, "/v1/builds/newest", {}, api::parse_build_view);
  for (rack::BuildView& view : list.items) {
    const AppName app = view.build.app;
    newest[app].builds.push_back(std::move(view));
  }
  return newest;
}

BuildId RemoteRack::resolve_build(const AppName& app, std::string_view text,
                                  std::optional<Kind> kind) {
  Query query;
  if (kind) query.emplace_back("kind", std::string(to_string(*kind)));
  const json::object object = api_.object_in(
      api_.get(path_of(app) + "/builds/" + percent_encoded(text) + api::query_text(query)));
  JsonReader reader(object);
  return api_.understood(BuildId::parse(reader.text("id")));
}

rack::BuildView RemoteRack::get_build(const AppName& app, const BuildId& id) {
  return api_.understood(api::parse_build_view(api_.object_in(api_.get(path_of(app, id)))));
}

std::vector<Step> RemoteRack::list_steps(const AppName& app, const BuildId& id) {
  return all_pages<Step>(api_, path_of(app, id) + "/steps", {}, api::parse_step_object).items;
}

std::string RemoteRack::provenance(const AppName& app, const BuildId& id) {
  return api_.get(path_of(app, id) + "/provenance");
}

build::BuildDiff RemoteRack::diff_builds(const AppName& app, const BuildId& before,
                                         const BuildId& after) {
  return api_.understood(
      api::parse_diff(api_.object_in(api_.get(path_of(app, before) + "/diff/" + after.str()))));
}

Build RemoteRack::retry_build(const rack::RetryBuild& retry, rack::StartProgress& progress,
                              std::stop_token stop) {
  if (!retry.secrets.agents.empty()) refuse_here("--ssh");
  const std::string answer =
      api_.post_once(path_of(retry.app, retry.build) + "/retry", api::to_object(retry), stop);
  return started(answer, progress);
}

Build RemoteRack::started(const std::string& answer, rack::StartProgress& progress) const {
  json::object object = api_.object_in(answer);
  JsonReader reader(object);
  for (const std::string& notice : reader.list_of_texts("notices")) progress.notice(notice);
  object.erase("notices");
  return api_.understood(api::parse_build_view(object)).build;
}

void RemoteRack::request_cancel(const AppName& app, const BuildId& id) {
  api_.post(path_of(app, id) + "/cancel", std::nullopt);
}

rack::BuildView RemoteRack::cancel_build(const AppName& app, const BuildId& id) {
  return api_.understood(api::parse_build_view(
      api_.object_in(api_.post(path_of(app, id) + "/cancel", json::object{{"wait", true}}))));
}

void RemoteRack::remove_build(const AppName& app, const BuildId& id) {
  api_.remove(path_of(app, id));
}

Build RemoteRack::pin_build(const AppName& app, const BuildId& id) {
  return view_in(api_, api_.post(path_of(app, id) + "/pin", std::nullopt)).build;
}

Build RemoteRack::unpin_build(const AppName& app, const BuildId& id) {
  return view_in(api_, api_.post(path_of(app, id) + "/unpin", std::nullopt)).build;
}

Pruned RemoteRack::prune_as(const AppName& app, DryRun dry_run) {
  const json::object body{{"dry_run", dry_run == DryRun::yes}};
  return api_.understood(
      api::parse_pruned(api_.object_in(api_.post(path_of(app) + "/prune", body))));
}

Pruned RemoteRack::prune(const AppName& app) { return prune_as(app, DryRun::no); }
Pruned RemoteRack::would_prune(const AppName& app) { return prune_as(app, DryRun::yes); }

/// Each is asked: what a crash left can't be told from afar.
std::vector<AppName> RemoteRack::apps_to_prune(std::vector<AppName> apps) { return apps; }

// What only the server's host can do

std::filesystem::path RemoteRack::initialize_git(const AppName& /*app*/) {
  refuse_here("git:initialize");
}

Build RemoteRack::build_commit(const rack::BuildCommit& /*commit*/,
                               rack::StartProgress& /*progress*/, std::stop_token /*stop*/) {
  refuse_here("building a commit of a repository");
}

rack::Synced RemoteRack::sync_git(const rack::SyncGit& /*wanted*/,
                                  rack::StartProgress& /*progress*/, std::stop_token /*stop*/) {
  refuse_here("git:sync");
}

Build RemoteRack::start_command(const rack::StartCommand& /*start*/,
                                rack::StartProgress& /*progress*/, std::stop_token /*stop*/) {
  refuse_here("track");
}

std::filesystem::path RemoteRack::log_path(const AppName& /*app*/, const BuildId& /*id*/) {
  refuse_here("watching a log's file");
}

void RemoteRack::store_object(const AppName& /*app*/, const rack::ObjectKey& /*key*/,
                              const Fd& /*file*/) {
  refuse_here("storing objects");
}

Fd RemoteRack::open_object(const AppName& /*app*/, const rack::ObjectKey& /*key*/) {
  refuse_here("reading objects");
}

std::vector<rack::ObjectKey> RemoteRack::list_objects(const AppName& /*app*/) {
  refuse_here("listing objects");
}

void RemoteRack::remove_object(const AppName& /*app*/, const rack::ObjectKey& /*key*/) {
  refuse_here("removing objects");
}

}  // namespace cooper::remote
