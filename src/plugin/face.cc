#include "plugin/face.h"

#include "base/owner.h"
#include "base/text.h"
#include "model/retention.h"

#include <unistd.h>

namespace cooper::plugin {

void print_header(const Face& face, std::string_view text) {
  if (!face.variable("DOKKU_QUIET_OUTPUT").empty()) return;
  face.out.write("=====> " + printable(text) + "\n");
}

void print_info(const Face& face, std::string_view text) {
  face.out.write("-----> " + printable(text) + "\n");
}

void print_warning(const Face& face, std::string_view text) {
  face.err.write(" !     " + printable(text) + "\n");
}

int refuse(const Face& face, const Error& error) {
  constexpr int kNoSuchApp = 20;  // scripts of Dokku's users know it
  print_warning(face, error.message());
  return error.code() == Errc::not_found ? kNoSuchApp : 1;
}

int refuse(const Face& face, std::string_view message) {
  print_warning(face, message);
  return 1;
}

Result<AppName> app_name(std::string_view name) {
  if (name.empty()) return Error(Errc::invalid, "Please specify an app to run the command on");
  Result<AppName> app = AppName::parse(name);
  if (app) return app;
  return Error(Errc::invalid,
               "App name must begin with lowercase alphanumeric character, and may only contain "
               "lowercase alphanumerics, dots, and hyphens");
}

Result<AppName> existing_app(const Face& face, std::string_view name) {
  Result<AppName> app = app_name(name);
  if (!app || face.rack.find_app(*app)) return app;
  return Error(Errc::not_found, "App " + app->str() + " does not exist");
}

std::optional<Error> missing_dokku_user(const Face& face) {
  if (::geteuid() != 0 || !face.store.layout().is_dokkus()) return std::nullopt;
  const std::string group = face.variable("DOKKU_SYSTEM_GROUP");
  if (!group.empty() && !find_group(group)) {
    return Error(Errc::invalid, "group: unknown group " + group);
  }
  const std::string user = face.variable("DOKKU_SYSTEM_USER");
  if (!user.empty() && !find_user(user)) {
    return Error(Errc::invalid, "user: unknown user " + user);
  }
  return std::nullopt;
}

std::vector<AppName> all_apps(const Face& face) {
  std::vector<AppName> names = face.rack.app_names();
  if (names.empty()) print_warning(face, "You haven't deployed any applications yet");
  return names;
}

namespace {

/// "record myapp/b1 can't be read: why" -> what Dokku says of it. Other texts stay.
std::string in_dokkus_words(const std::string& warning) {
  constexpr std::string_view kBegin = "record ";
  constexpr std::string_view kMiddle = " can't be read: ";
  const std::size_t middle = warning.find(kMiddle);
  if (!warning.starts_with(kBegin) || middle == std::string::npos) return warning;
  const std::string record = warning.substr(kBegin.size(), middle - kBegin.size());
  const std::string id = record.substr(record.find('/') + 1);
  std::string why = warning.substr(middle + kMiddle.size());
  const std::string again = std::string(kBegin) + record + ": ";
  if (why.starts_with(again)) why.erase(0, again.size());
  return "Skipping unreadable build record " + record + ".json: parse build record " + id + ": " +
         why;
}

}  // namespace

void print_warnings(const Face& face, std::span<const std::string> warnings) {
  for (const std::string& warning : warnings) print_warning(face, in_dokkus_words(warning));
}

std::optional<rack::BuildView> find_view(const Face& face, const AppName& app, const BuildId& id) {
  try {
    return face.rack.get_build(app, id);
  } catch (const Error& error) {  // adapter: absent is an answer here, damaged has Dokku's words
    if (error.code() == Errc::not_found) return std::nullopt;
    if (error.code() != Errc::corrupt) throw;
    std::string why = error.message();
    if (const std::size_t end = why.find(": ");
        why.starts_with("record ") && end != std::string::npos) {
      why.erase(0, end + 2);
    }
    throw Error(Errc::corrupt, "parse build record " + id.str() + ": " + why);
  }
}

std::string no_record(const AppName& app, const BuildId& id) {
  return "No build record found for " + app.str() + "/" + id.str();
}

std::string invalid_id(std::string_view word) {
  return "Invalid build id \"" + shorten(word, 80) + "\"";
}

std::string stored_retention(const Face& face, const AppName* app) {
  return face.store.find_property(app, PropertyKey::parse("retention").value()).value_or("");
}

std::size_t retention_of(const Face& face, const AppName& app) {
  return retention_of(face, app, stored_retention(face, &app), stored_retention(face, nullptr));
}

std::size_t retention_of(const Face& face, const AppName& app, const std::string& own,
                         const std::string& global) {
  if (const auto retention = parse_retention(own)) return *retention;
  if (!own.empty()) print_warning(face, ignored_retention(own, app.str()));
  if (const auto retention = parse_retention(global)) return *retention;
  if (!global.empty()) print_warning(face, ignored_retention(global, "--global"));
  return kDefaultRetention;
}

}  // namespace cooper::plugin
