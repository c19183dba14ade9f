#include "build/settings.h"

#include "base/text.h"
#include "base/time.h"
#include "build/properties.h"
#include "build/property_values.h"
#include "engine/daemons.h"

#include <algorithm>
#include <functional>

namespace cooper::build {

namespace {

Supersede parse_supersede(std::string_view text) {
  if (text == "off") return Supersede::off;
  return text == "running" ? Supersede::running : Supersede::queued;
}

SyntaxLines parse_syntax(std::string_view text) {
  if (text == "allow") return SyntaxLines::allow;
  return text == "deny" ? SyntaxLines::deny : SyntaxLines::builtin;
}

DeployerKind parse_deployer(std::string_view text) {
  if (text == "command") return DeployerKind::command;
  return text == "containers" ? DeployerKind::containers : DeployerKind::none;
}

Runtime parse_runtime(std::string_view text) {
  if (text == "docker") return Runtime::docker;
  return text == "podman" ? Runtime::podman : Runtime::automatic;
}

/// What is set on one level. Most levels have nothing set: that costs one look.
class Properties {
 public:
  Properties(const store::Store& store, const AppName* app, std::vector<std::string>& warnings)
      : store_(store), app_(app) {
    try {
      keys_ = store.property_keys(app);
    } catch (const Error& error) {  // boundary: settings that can't be read must not stop a build
      warn(warnings, "properties", error.message());
    }
  }

  /// nullopt if it is not set, or, with a warning, of no use.
  std::optional<std::string> find(std::string_view key, std::vector<std::string>& warnings) const {
    const auto name = std::ranges::find(keys_, key, &PropertyKey::str);
    if (name == keys_.end()) return std::nullopt;
    const std::string what = "property " + std::string(key);
    try {
      auto value = store_.find_property(app_, *name);
      if (!value || check_property(key, *value)) return value;
      if (key == "retention") {
        warnings.push_back(ignored_retention(*value, owner()));
        return std::nullopt;
      }
      const bool secret = secrecy_of(key) == Secrecy::secret;
      warn(warnings, what, secret ? "invalid" : "invalid (" + shown_value(*value) + ")");
    } catch (const Error& error) {  // boundary: as above
      warn(warnings, what, error.message());
    }
    return std::nullopt;
  }

 private:
  std::string owner() const { return app_ ? app_->str() : "--global"; }

  void warn(std::vector<std::string>& warnings, const std::string& what,
            const std::string& problem) const {
    warnings.push_back(what + " of " + owner() + ": " + problem + "; ignored");
  }

  const store::Store& store_;
  const AppName* app_;
  std::vector<PropertyKey> keys_;
};

void read_fetch(Settings& settings,
                const std::function<std::optional<std::string>(std::string_view)>& effective) {
  source::FetchPolicy& fetch = settings.fetch;
  if (const auto value = effective("fetch-schemes")) fetch.schemes = parse_schemes(*value);
  if (const auto value = effective("fetch-private"); value && *value == "on") {
    fetch.reach = source::Reach::anywhere;
  }
  if (const auto value = effective("fetch-limit")) fetch.bytes = *parse_bytes(*value);
  if (const auto value = effective("fetch-timeout")) fetch.time = *parse_duration(*value);
  if (const auto value = effective("unpack-limit")) settings.unpack_limit = *parse_bytes(*value);
}

}  // namespace

Settings read_settings(const store::Store& store, const AppName* app,
                       std::vector<std::string>& warnings) {
  std::vector<Properties> levels;
  if (app) levels.emplace_back(store, app, warnings);
  levels.emplace_back(store, nullptr, warnings);
  const auto effective = [&](std::string_view key) {
    std::optional<std::string> value;
    for (const Properties& level : levels) {
      if (!value) value = level.find(key, warnings);
    }
    return value;
  };
  Settings settings;
  if (const auto value = effective("timeout")) settings.timeout = *parse_duration(*value);
  if (const auto text = effective("stall-timeout")) settings.stall_timeout = *parse_duration(*text);
  if (const auto value = effective("memory")) settings.limits.memory = *parse_bytes(*value);
  if (const auto value = effective("cpus")) settings.limits.cpus = *parse_cpus(*value);
  if (const auto value = effective("log-limit")) settings.log_limit = *parse_bytes(*value);
  if (const auto value = effective("disk-min")) settings.disk_min = *parse_bytes(*value);
  if (const auto value = effective("cache-limit")) settings.cache_limit = *parse_bytes(*value);
  if (const auto text = effective("concurrency")) settings.concurrency = *parse_concurrency(*text);
  if (const auto value = effective("supersede")) settings.supersede = parse_supersede(*value);
  RetentionPolicy& retention = settings.retention;
  if (const auto value = effective("retention")) retention.count = *parse_retention(*value);
  if (const auto value = effective("keep-failed")) retention.keep_failed = *parse_number(*value);
  if (const auto value = effective("retention-age")) retention.age = *parse_duration(*value);
  if (const auto value = effective("retention-size")) retention.size = *parse_bytes(*value);
  if (const auto value = effective("syslog")) settings.syslog = *value == "on";
  if (auto value = effective("engine")) settings.engine.engine = *std::move(value);
  if (const auto value = effective("buildkit")) {
    settings.engine.buildkit = *engine::parse_buildkit_addresses(*value);
  }
  if (const auto value = effective("buildkit-certs")) settings.engine.buildkit_certs = *value;
  if (const auto value = effective("syntax")) settings.syntax = parse_syntax(*value);
  if (auto value = effective("registry"); value && *value != "off") {
    settings.registry = *std::move(value);
  }
  if (auto value = effective("cache")) settings.cache = *std::move(value);
  if (const auto value = effective("deployer")) settings.deployer = parse_deployer(*value);
  if (const auto value = effective("runtime")) settings.runtime = parse_runtime(*value);
  if (auto value = effective("network")) settings.network = *std::move(value);
  if (const auto value = effective("publish")) settings.publish = *parse_publish(*value);
  if (const auto value = effective("health-timeout")) {
    settings.health_timeout = *parse_duration(*value);
  }
  if (const auto value = effective("stop-timeout")) settings.stop_timeout = *parse_duration(*value);
  if (auto value = effective("deploy-command")) settings.deploy_command = *std::move(value);
  read_fetch(settings, effective);
  if (auto value = effective("webhook-secret")) settings.webhook_secret = *std::move(value);
  if (auto value = effective("webhook-url")) settings.webhook_url = *std::move(value);
  if (const auto value = effective("syslog-prefix")) settings.syslog_prefix = *value;
  return settings;
}

Settings read_settings(const store::Store& store, const AppName& app,
                       std::vector<std::string>& warnings) {
  return read_settings(store, &app, warnings);
}

}  // namespace cooper::build
