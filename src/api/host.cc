#include "api/host.h"

#include "api/list.h"

namespace cooper::api {
namespace json = boost::json;

namespace {

void add(json::object& object, const char* key, const std::string& text) {
  if (!text.empty()) object[key] = text;
}

template <class T>
Result<T> checked(const JsonReader& reader, T value) {
  if (!reader.problem().empty()) return Error(Errc::corrupt, reader.problem());
  return value;
}

}  // namespace

json::object to_object(const engine::EngineReport& report) {
  json::object object{{"engine", to_string(report.kind)}};
  add(object, "version", report.version);
  add(object, "where", report.place);
  add(object, "missing", report.missing);
  add(object, "chosen", report.chosen);
  return object;
}

Result<engine::EngineReport> parse_engine(const json::object& object) {
  using engine::EngineKind;
  JsonReader reader(object);
  const std::string name = reader.required_text("engine");
  std::optional<EngineKind> kind;
  for (const auto known : {EngineKind::buildah, EngineKind::docker, EngineKind::buildkit}) {
    if (to_string(known) == name) kind = known;
  }
  if (!kind) reader.fail("engine", "is no known engine");
  return checked(reader, engine::EngineReport{.kind = kind.value_or(EngineKind::buildah),
                                              .version = reader.text("version"),
                                              .place = reader.text("where"),
                                              .missing = reader.text("missing"),
                                              .chosen = reader.text("chosen")});
}

json::object to_object(const engine::KnownLogin& login) {
  json::object object{{"host", login.host}};
  add(object, "user", login.user);
  object["file"] = login.file.string();
  return object;
}

Result<engine::KnownLogin> parse_login(const json::object& object) {
  JsonReader reader(object);
  return checked(reader, engine::KnownLogin{.host = reader.required_text("host"),
                                            .user = reader.text("user"),
                                            .file = reader.required_text("file")});
}

json::object to_object(const store::Token& token) {
  json::object object{{"id", token.id.str()}};
  add(object, "name", token.name);
  object["role"] = to_string(token.role);
  if (token.app) object["app"] = token.app->str();
  object["created_at"] = to_rfc3339(token.created_at);
  if (token.expires_at) object["expires_at"] = to_rfc3339(*token.expires_at);
  return object;
}

Result<store::Token> parse_token_object(const json::object& object) {
  JsonReader reader(object);
  const auto role = store::parse_token_role(reader.required_text("role"));
  if (!role) reader.fail("role", "is no known role");
  store::Token token{.id = reader.name<store::TokenId>("id", "0000000000"),
                     .name = reader.text("name"),
                     .role = role.value_or(store::TokenRole::read),
                     .app = std::nullopt,
                     .created_at = reader.required_time("created_at"),
                     .expires_at = reader.time("expires_at")};
  if (object.contains("app")) token.app = reader.name<AppName>("app", "unknown");
  return checked(reader, std::move(token));
}

json::object to_object(const store::MadeToken& made) {
  json::object object = to_object(made.token);
  object["secret"] = made.secret;
  return object;
}

Result<store::MadeToken> parse_made_token(const json::object& object) {
  auto token = parse_token_object(object);
  if (!token) return token.error();
  JsonReader reader(object);
  store::MadeToken made{.token = std::move(*token), .secret = reader.required_text("secret")};
  return checked(reader, std::move(made));
}

json::object to_object(const build::DiskItem& item) {
  return {{"where", item.where}, {"what", item.what}, {"count", item.count}, {"bytes", item.bytes}};
}

Result<build::DiskItem> parse_disk_item(const json::object& object) {
  JsonReader reader(object);
  return checked(reader,
                 build::DiskItem{.where = reader.required_text("where"),
                                 .what = reader.required_text("what"),
                                 .count = reader.number<std::uint64_t>("count").value_or(0),
                                 .bytes = reader.number<std::uint64_t>("bytes").value_or(0)});
}

json::object to_object(const build::EnginePruned& pruned) {
  const auto text = [](const std::string& line) { return json::value(line); };
  return {{"engine", pruned.engine},
          {"images", array_of(pruned.images, text)},
          {"image_bytes", pruned.image_bytes},
          {"cache_bytes", pruned.cache_bytes},
          {"warnings", array_of(pruned.warnings, text)}};
}

Result<build::EnginePruned> parse_engine_pruned(const json::object& object) {
  JsonReader reader(object);
  return checked(reader, build::EnginePruned{
                             .engine = reader.required_text("engine"),
                             .images = reader.list_of_texts("images"),
                             .image_bytes = reader.number<std::uint64_t>("image_bytes").value_or(0),
                             .cache_bytes = reader.number<std::uint64_t>("cache_bytes").value_or(0),
                             .warnings = reader.list_of_texts("warnings")});
}

}  // namespace cooper::api
