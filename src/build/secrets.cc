#include "build/secrets.h"

#include "engine/registry_secrets.h"
#include "log/redact.h"

#include <cstdlib>

namespace cooper::build {

namespace {

/// Settings of the everyday (`info`, `8080`, a host's name) stand in an environment beside
/// secrets. To hide them wherever they occur would garble logs, and protect nothing.
bool may_be_secret(const std::string& value, const AppName& app) {
  constexpr std::size_t kShortest = 8;
  return value.size() >= kShortest && value != "localhost" && value != app.str();
}

}  // namespace

std::vector<std::string> secrets_of(const store::FileStore& store, const AppName& app,
                                    const engine::BuildSecrets& given,
                                    const Environment& environment,
                                    std::vector<std::string>& warnings) {
  const char* variable = std::getenv("COOPER_REDACT");
  std::vector<std::string> secrets = log::secrets_from_lines(variable ? variable : "");
  const auto add = [&](const std::vector<std::string>& more) {
    secrets.insert(secrets.end(), more.begin(), more.end());
  };
  const PropertyKey key = PropertyKey::parse("redact").value();
  for (const AppName* level : {&app, static_cast<const AppName*>(nullptr)}) {
    add(log::secrets_from_lines(store.find_property(level, key).value_or("")));
  }
  for (const engine::Secret& secret : given.secrets) secrets.push_back(secret.value);
  for (const auto& [name, value] : environment) {
    if (may_be_secret(value, app)) secrets.push_back(value);
  }
  add(engine::registry_secrets(store.layout().registry_logins(), warnings));
  return secrets;
}

}  // namespace cooper::build
