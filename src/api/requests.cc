#include "api/requests.h"

#include "api/body.h"
#include "api/list.h"
#include "base/base64.h"
#include "base/text.h"
#include "engine/platform.h"
#include "model/environment.h"

#include <algorithm>

namespace cooper::api {
namespace json = boost::json;

namespace {

/// More images at once than any one host can make.
constexpr std::uint64_t kMostJobs = 64;
constexpr std::uint64_t kTenYears = 10ULL * 366 * 24 * 3600;

void add(json::object& object, const char* key, const std::string& text) {
  if (!text.empty()) object[key] = text;
}

void add(json::object& object, const char* key, rack::IfLocked if_locked) {
  if (if_locked == rack::IfLocked::fail) object[key] = "fail";
}

rack::IfLocked if_locked_in(Body& body) {
  const std::string text = body.text("if_locked");
  if (!text.empty() && text != "wait" && text != "fail") {
    body.fail("if_locked", "is neither wait nor fail");
  }
  return text == "fail" ? rack::IfLocked::fail : rack::IfLocked::wait;
}

/// Empty: what the verb itself puts there.
std::string source_in(Body& body) {
  std::string source = body.text("source");
  if (!source.empty() && known_source(source) == "unknown") {
    body.fail("source", "is no command that starts builds");
  }
  return source;
}

void add_secrets(json::object& object, const engine::BuildSecrets& secrets) {
  if (secrets.secrets.empty()) return;
  object["secrets"] = array_of(secrets.secrets, [](const engine::Secret& secret) {
    const bool is_text = valid_utf8(secret.value) == secret.value;
    return json::object{
        {"id", secret.id},
        {is_text ? "value" : "base64", is_text ? secret.value : to_base64(secret.value)}};
  });
}

engine::Secret secret_in(Body& outer, const json::object& object) {
  Body body(object);
  engine::Secret secret{.id = body.required_text("id"), .value = body.text("value")};
  if (body.has("value") == body.has("base64")) {
    body.fail("secrets", "need either `value` or `base64` each");
  }
  if (const std::string text = body.text("base64"); !text.empty()) {
    const auto bytes = from_base64(text);
    if (!bytes) body.fail("base64", "of a secret is not Base64");
    secret.value = bytes.value_or("");
  }
  if (auto problem = body.problem()) outer.fail(std::move(*problem));
  return secret;
}

engine::BuildSecrets secrets_in(Body& body) {
  engine::BuildSecrets secrets;
  for (const json::object* object : body.objects("secrets")) {
    engine::Secret secret = secret_in(body, *object);
    if (std::ranges::count(secrets.secrets, secret.id, &engine::Secret::id) > 0) {
      body.fail("secrets", "has an id twice");
    }
    secrets.secrets.push_back(std::move(secret));
  }
  return secrets;
}

/// The value, unless the body was wrong.
template <class T>
Result<T> checked(Body& body, T value) {
  if (auto problem = body.problem()) return std::move(*problem);
  return value;
}

}  // namespace

void add_build_options(json::object& object, const build::BuildRequest& request,
                       const engine::BuildSecrets& secrets, rack::IfLocked if_locked) {
  if (request.source != "build") add(object, "source", request.source);
  add(object, "description", request.description);
  add(object, "git_sha", request.git_sha);
  add(object, "git_url", request.git_url);
  add(object, "branch", request.branch);
  add(object, "manifest", request.manifest);
  if (!request.build_args.empty()) {
    json::object& arguments = object["build_args"].emplace_object();
    for (const auto& [name, value] : request.build_args) arguments[name] = value;
  }
  if (request.no_cache) object["no_cache"] = true;
  if (request.force) object["force"] = true;
  if (request.development) object["development"] = true;
  add(object, "platform", request.platform);
  add(object, "engine", request.engine);
  if (request.jobs != 0) object["jobs"] = request.jobs;
  add_secrets(object, secrets);
  add(object, "if_locked", if_locked);
}

void read_build_options(Body& body, build::BuildRequest& request, engine::BuildSecrets& secrets,
                        rack::IfLocked& if_locked) {
  if (std::string source = source_in(body); !source.empty()) request.source = std::move(source);
  request.description = body.text("description");
  request.git_sha = body.text("git_sha");
  request.git_url = body.text("git_url");
  request.branch = body.text("branch");
  request.manifest = body.text("manifest");
  request.build_args = body.pairs("build_args");
  for (const auto& [name, value] : request.build_args) {
    if (!is_variable_name(name)) body.fail("build_args", "has a name that no variable can have");
  }
  request.no_cache = body.flag("no_cache");
  request.force = body.flag("force");
  request.development = body.flag("development");
  if (const std::string text = body.text("platform"); !text.empty()) {
    const auto platform = engine::parse_platform(text);
    if (!platform) body.fail(platform.error());
    request.platform = platform ? *platform : "";
  }
  request.engine = body.text("engine");
  if (!request.engine.empty() && !engine::is_engine_name(request.engine)) {
    body.fail("engine", "is none of auto, buildah, docker and buildkit");
  }
  request.jobs = static_cast<unsigned>(body.number("jobs", 1, kMostJobs).value_or(0));
  secrets = secrets_in(body);
  if_locked = if_locked_in(body);
}

json::object to_object(const NewBuild& wanted) {
  json::object object;
  add(object, "object", wanted.object);
  add(object, "url", wanted.url);
  add(object, "image", wanted.image);
  add(object, "service", wanted.service);
  add(object, "image_manifest", wanted.image_manifest);
  add_build_options(object, wanted.request, wanted.secrets, wanted.if_locked);
  return object;
}

Result<NewBuild> parse_new_build(const json::object& object) {
  Body body(object);
  NewBuild wanted{.object = body.text("object"),
                  .url = body.text("url"),
                  .image = body.text("image"),
                  .service = body.text("service"),
                  .image_manifest = body.text("image_manifest"),
                  .request = {},
                  .secrets = {}};
  const bool given[] = {!wanted.object.empty(), !wanted.url.empty(), !wanted.image.empty()};
  if (std::ranges::count(given, true) != 1) {
    body.fail(Error(Errc::invalid, "a build is made of one thing: `object`, `url` or `image`",
                    "store the source first: PUT /v1/apps/APP/objects/KEY"));
  }
  read_build_options(body, wanted.request, wanted.secrets, wanted.if_locked);
  const build::BuildRequest of_image{.source = wanted.request.source,
                                     .description = wanted.request.description};
  if (!wanted.image.empty() && (wanted.request != of_image || !wanted.secrets.empty())) {
    body.fail(
        "image",
        "goes with `service` or `image_manifest`, `source`, `description` and `if_locked` alone");
  }
  if (wanted.image.empty() && !wanted.service.empty()) body.fail("service", "goes with `image`");
  if (!wanted.image_manifest.empty() && (wanted.image.empty() || !wanted.service.empty())) {
    body.fail("image_manifest", "goes with `image`, and not with `service`");
  }
  return checked(body, std::move(wanted));
}

json::object to_object(const rack::RetryBuild& wanted) {
  json::object object;
  add(object, "source", wanted.source);
  add_secrets(object, wanted.secrets);
  add(object, "if_locked", wanted.if_locked);
  return object;
}

Result<rack::RetryBuild> parse_retry(const json::object& object, const AppName& app,
                                     const BuildId& build) {
  Body body(object);
  rack::RetryBuild wanted{.app = app,
                          .build = build,
                          .source = source_in(body),
                          .secrets = secrets_in(body),
                          .if_locked = if_locked_in(body)};
  return checked(body, std::move(wanted));
}

json::object to_object(const rack::NewRelease& wanted) {
  json::object object;
  add(object, "build_from", wanted.build_from);
  add(object, "environment_from", wanted.environment_from);
  if (!wanted.set.empty()) {
    json::object& set = object["set"].emplace_object();
    for (const auto& [name, value] : wanted.set) set[name] = value;
  }
  if (!wanted.unset.empty()) {
    object["unset"] =
        array_of(wanted.unset, [](const std::string& name) { return json::value(name); });
  }
  if (wanted.replace) object["replace"] = true;
  add(object, "description", wanted.description);
  return object;
}

Result<rack::NewRelease> parse_new_release(const json::object& object, const AppName& app) {
  Body body(object);
  rack::NewRelease wanted{.app = app,
                          .build_from = body.text("build_from"),
                          .environment_from = body.text("environment_from"),
                          .set = {},
                          .unset = body.texts("unset"),
                          .replace = body.flag("replace"),
                          .description = body.text("description")};
  for (auto& [name, value] : body.pairs("set")) wanted.set[name] = std::move(value);
  return checked(body, std::move(wanted));
}

json::object to_object(const rack::StartDeploy& wanted) {
  json::object object;
  add(object, "release", wanted.release);
  if (wanted.create) object["create"] = to_object(*wanted.create);
  if (wanted.source != "deploy") add(object, "source", wanted.source);
  add(object, "description", wanted.description);
  return object;
}

Result<rack::StartDeploy> parse_start_deploy(const json::object& object, const AppName& app) {
  Body body(object);
  rack::StartDeploy wanted{
      .app = app, .release = body.text("release"), .create = {}, .if_locked = rack::IfLocked::fail};
  if (const json::object* create = body.object("create")) {
    auto parsed = parse_new_release(*create, app);
    if (parsed) {
      wanted.create = std::move(*parsed);
    } else {
      body.fail(parsed.error());
    }
  }
  if (std::string source = source_in(body); !source.empty()) wanted.source = std::move(source);
  wanted.description = body.text("description");
  return checked(body, std::move(wanted));
}

json::object to_object(const store::NewToken& wanted) {
  json::object object;
  add(object, "name", wanted.name);
  object["role"] = to_string(wanted.role);
  if (wanted.app) object["app"] = wanted.app->str();
  if (wanted.lives) object["expires_in"] = wanted.lives->count();
  return object;
}

Result<store::NewToken> parse_new_token(const json::object& object) {
  Body body(object);
  const auto role = store::parse_token_role(body.required_text("role"));
  if (!role) body.fail("role", "is none of read, build and admin");
  store::NewToken wanted{.name = body.text("name"),
                         .role = role.value_or(store::TokenRole::read),
                         .app = {},
                         .lives = {}};
  if (const std::string name = body.text("app"); !name.empty()) {
    const auto app = AppName::parse(name);
    if (app) {
      wanted.app = *app;
    } else {
      body.fail(app.error());
    }
  }
  if (const auto seconds = body.number("expires_in", 1, kTenYears)) {
    wanted.lives = std::chrono::seconds(*seconds);
  }
  return checked(body, std::move(wanted));
}

json::object login_object(const std::string& host, const engine::Login& login) {
  return {{"host", host}, {"user", login.user}, {"password", login.password}};
}

Result<std::pair<std::string, engine::Login>> parse_new_login(const json::object& object) {
  Body body(object);
  std::pair<std::string, engine::Login> wanted{
      body.required_text("host"),
      {.user = body.text("user"), .password = body.required_text("password")}};
  return checked(body, std::move(wanted));
}

Result<PropertyChanges> parse_property_changes(const json::object& object) {
  PropertyChanges changes;
  for (const auto& member : object) {
    std::optional<std::string> value;
    if (member.value().is_string()) {
      value = std::string(member.value().get_string());
    } else if (!member.value().is_null()) {
      return Error(Errc::invalid, "property " +
                                      shorten(printable(std::string_view(member.key())), 60) +
                                      " is neither a string nor null");
    }
    changes.emplace_back(member.key(), std::move(value));
  }
  return changes;
}

}  // namespace cooper::api
