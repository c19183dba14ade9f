// RemoteRack: settings, tokens, queue and disks of the server's host.

#include "api/builds.h"
#include "api/host.h"
#include "api/releases.h"
#include "api/requests.h"
#include "base/ascii.h"
#include "base/error.h"
#include "model/json_values.h"
#include "remote/paths.h"
#include "remote/remote_rack.h"

namespace cooper::remote {
namespace json = boost::json;

namespace {

constexpr int kMostTries = 3;  // to make a token

Query of_app(const AppName* app) { return app ? Query{{"app", app->str()}} : Query{}; }

std::string properties_of(const AppName* app) {
  return (app ? path_of(*app) : std::string("/v1")) + "/properties";
}

}  // namespace

std::vector<rack::PropertyView> RemoteRack::list_properties(const AppName* app) {
  return all_pages<rack::PropertyView>(api_, properties_of(app), {}, api::parse_property).items;
}

void RemoteRack::set_property(const AppName* app, std::string_view key,
                              const std::optional<std::string>& value) {
  json::object change;
  change[key] = value ? json::value(json::string(*value)) : json::value(nullptr);
  api_.patch(properties_of(app), change);
}

std::vector<engine::EngineReport> RemoteRack::list_engines(const AppName* app) {
  return all_pages<engine::EngineReport>(api_, "/v1/engines", of_app(app), api::parse_engine).items;
}

std::vector<engine::KnownLogin> RemoteRack::list_registries(std::vector<std::string>& warnings) {
  auto list = all_pages<engine::KnownLogin>(api_, "/v1/registries", {}, api::parse_login);
  std::ranges::move(list.warnings, std::back_inserter(warnings));
  return std::move(list.items);
}

void RemoteRack::add_registry(const std::string& host, const engine::Login& login) {
  api_.post("/v1/registries", api::login_object(host, login));
}

void RemoteRack::remove_registry(const std::string& host) {
  api_.remove("/v1/registries/" + percent_encoded(host));
}

store::MadeToken RemoteRack::create_token(const store::NewToken& wanted) {
  for (int tried = 1;; ++tried) {
    const json::object made = api_.object_in(api_.post_once("/v1/tokens", api::to_object(wanted)));
    if (made.contains("secret")) return api_.understood(api::parse_made_token(made));
    // The answer that had it was lost with its connection: nobody can use that token.
    const store::Token lost = api_.understood(api::parse_token_object(made));
    revoke_token(lost.id);
    if (tried == kMostTries) {
      throw Error(Errc::unavailable, "the connection is lost before the token's secret has come");
    }
  }
}

store::TokenList RemoteRack::list_tokens() {
  auto list = all_pages<store::Token>(api_, "/v1/tokens", {}, api::parse_token_object);
  return {.tokens = std::move(list.items), .warnings = std::move(list.warnings)};
}

void RemoteRack::revoke_token(const store::TokenId& id) { api_.remove("/v1/tokens/" + id.str()); }

std::vector<build::QueueEntry> RemoteRack::list_queue() {
  return all_pages<build::QueueEntry>(api_, "/v1/queue", {}, api::parse_queue_entry).items;
}

std::vector<std::string> RemoteRack::resume_queue() {
  const json::object object = api_.object_in(api_.post("/v1/queue/resume", std::nullopt));
  JsonReader reader(object);
  auto lines = reader.list_of_texts("items");
  if (!reader.problem().empty()) throw api_.not_understood(reader.problem());
  return lines;
}

std::vector<build::DiskItem> RemoteRack::disk_use(std::vector<std::string>& warnings) {
  auto list = all_pages<build::DiskItem>(api_, "/v1/system/disk", {}, api::parse_disk_item);
  std::ranges::move(list.warnings, std::back_inserter(warnings));
  return std::move(list.items);
}

std::vector<build::EnginePruned> RemoteRack::prune_engines_as(DryRun dry_run) {
  const json::object body{{"dry_run", dry_run == DryRun::yes}};
  return api_
      .understood(api::parse_list<build::EnginePruned>(api_.post("/v1/system/prune", body),
                                                       api::parse_engine_pruned))
      .items;
}

std::vector<build::EnginePruned> RemoteRack::prune_engines() {
  return prune_engines_as(DryRun::no);
}
std::vector<build::EnginePruned> RemoteRack::would_prune_engines() {
  return prune_engines_as(DryRun::yes);
}

}  // namespace cooper::remote
