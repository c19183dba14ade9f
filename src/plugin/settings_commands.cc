#include "plugin/settings_commands.h"

#include "base/text.h"
#include "model/retention.h"

namespace cooper::plugin {

namespace {

/// Why `value` is no retention, in Dokku's words; empty if it is one.
std::string bad_retention(const std::string& value) {
  if (value.empty() || parse_retention(value)) return {};
  const auto number = parse_integer(value);
  return number ? "Invalid retention " + std::to_string(*number) + ": must be >= 1"
                : "Invalid retention \"" + value + "\": must be a positive integer";
}

int set_retention(const Face& face, const AppName* app, const std::string& value) {
  if (const std::string problem = bad_retention(value); !problem.empty()) {
    return refuse(face, problem);
  }
  const std::string header =
      value.empty() ? "Unsetting retention" : "Setting retention to " + value;
  const std::string whose = app ? app->str() : "--global";
  if (const auto missing = missing_dokku_user(face)) {
    print_header(face, header);  // as the original, which finds out no sooner
    return refuse(
        face, "Unable to create builds config directory for " + whose + ": " + missing->message());
  }
  std::optional<std::string> stored;
  if (!value.empty()) stored = value;
  face.rack.set_property(app, "retention", stored);
  print_header(face, header);
  return 0;
}

}  // namespace

int set_property(const Face& face, const Parsed& parsed) {
  const bool global = parsed.is_set("global");
  const std::size_t first = global ? 0 : 1;
  std::optional<AppName> app;
  if (!global) {
    const Result<AppName> named = existing_app(face, parsed.word(0));
    if (!named) return refuse(face, named.error());
    app = *named;
  }
  if (const std::string key = parsed.word(first); key != "retention") {
    return refuse(face, "Invalid property \"" + key + "\" (allowed: retention)");
  }
  return set_retention(face, app ? &*app : nullptr, parsed.word(first + 1));
}

namespace {

/// False if it could not be done; the reason is said.
bool prune_app(const Face& face, const AppName& app) {
  try {
    print_warnings(face, face.rack.prune(app).warnings);
    return true;
  } catch (const Error& error) {  // boundary: one app of many
    print_warning(face, error.message());
    return false;
  }
}

}  // namespace

int prune_builds(const Face& face, const Parsed& parsed) {
  if (!parsed.is_set("all-apps")) {
    const Result<AppName> app = existing_app(face, parsed.word(0));
    if (!app) return refuse(face, app.error());
    return prune_app(face, *app) ? 0 : 1;
  }
  bool all_done = true;
  for (const AppName& app : face.rack.apps_to_prune(all_apps(face))) {
    all_done = prune_app(face, app) && all_done;
  }
  return all_done ? 0 : 1;
}

}  // namespace cooper::plugin
