#include "server/external_builds.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"
#include "manifest/manifest.h"
#include "model/json_values.h"
#include "server/no_progress.h"
#include "server/rack_json.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <sys/mman.h>
#include <unistd.h>

namespace cooper::server {

namespace json = boost::json;

namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;  // as JSON

rack::ObjectKey key_of(const BuildId& id) {
  return rack::ObjectKey::parse("external/" + id.str() + ".json").value();
}

void keep(rack::Rack& rack, const AppName& app, const BuildId& id, const json::object& facts) {
  const std::string text = json::serialize(facts);
  if (text.size() > kMaxBytes) {
    throw Error(Errc::invalid,
                "what is said of a build must be less than " + human_bytes(kMaxBytes),
                "make the manifest or the description shorter");
  }
  const Fd file(::memfd_create("external build", MFD_CLOEXEC));
  if (!file) throw_errno("memfd_create");
  write_all(file.get(), text);
  rack.store_object(app, key_of(id), file);
}

std::optional<json::object> find(rack::Rack& rack, const AppName& app, const BuildId& id) {
  std::string text;
  try {
    const Fd file = rack.open_object(app, key_of(id));
    text = read_open_file(file, "an external build", kMaxBytes);
  } catch (const Error& error) {  // adapter: most builds are no such ones
    if (error.code() != Errc::not_found) throw;
    return std::nullopt;
  }
  boost::system::error_code failure;
  json::value value = json::parse(text, failure);
  if (failure || !value.is_object()) return std::nullopt;  // a client's own file of that name
  return std::move(value.as_object());
}

/// Before it has its image.
json::object waiting(const AppName& app, const BuildId& id, const json::object& facts) {
  const rack::BuildView view{
      .build = {.id = id, .app = app, .description = text_in(facts, "description")},
      .status = DisplayStatus::queued};
  json::object shown = to_convox(view, text_in(facts, "manifest"));
  shown["started"] = convox_time(std::nullopt);
  return shown;
}

}  // namespace

json::object create_external_build(rack::Rack& rack, const AppName& app, const Request& request) {
  const BuildId id = new_build_id();
  const json::object facts{
      {"description", request.option("description")}, {"manifest", ""}, {"build", ""}};
  keep(rack, app, id, facts);
  return waiting(app, id, facts);
}

std::optional<json::object> find_external_build(rack::Rack& rack, const AppName& app,
                                                const BuildId& id) {
  const auto facts = find(rack, app, id);
  if (!facts) return std::nullopt;
  const auto ours = BuildId::parse(text_in(*facts, "build"));
  if (!ours) return waiting(app, id, *facts);
  json::object shown = to_convox(rack.get_build(app, *ours), text_in(*facts, "manifest"));
  shown["id"] = id.str();
  return shown;
}

bool set_external_manifest(rack::Rack& rack, const AppName& app, const BuildId& id,
                           std::string_view manifest) {
  auto facts = find(rack, app, id);
  if (!facts || !text_in(*facts, "build").empty()) return false;
  (*facts)["manifest"] = manifest;
  keep(rack, app, id, *facts);
  return true;
}

void start_external_build(rack::Rack& rack, const AppName& app, const BuildId& id,
                          const Request& request) {
  auto facts = find(rack, app, id);
  if (!facts) throw Error(Errc::not_found, "app " + app.str() + " has no such external build");
  if (!request.option("src-creds-user").empty()) {
    throw Error(Errc::invalid, "credentials are not taken here",
                "store them: convox registries add");
  }
  const std::string text = text_in(*facts, "manifest");
  const auto parsed = manifest::parse_manifest(text, {.file_name = "convox.yml"}).value();
  NoProgress progress;
  const Build build = rack.start_image(
      {.app = app,
       .service = parsed.services.front().name,
       .image = std::string(request.option("image")),
       .manifest = text,
       .request = {.source = "git:from-image", .description = text_in(*facts, "description")}},
      progress, request.stop);
  (*facts)["build"] = build.id.str();
  keep(rack, app, id, *facts);
}

BuildId our_build(rack::Rack& rack, const AppName& app, const BuildId& id) {
  const auto facts = find(rack, app, id);
  const auto ours = BuildId::parse(facts ? text_in(*facts, "build") : "");
  return ours ? *ours : id;
}

}  // namespace cooper::server
