// `cooper builds set|settings`: properties of an app, or of all.

#include "base/fd.h"
#include "base/file.h"
#include "build/properties.h"
#include "cli/context.h"
#include "cli/json_output.h"
#include "cli/table.h"

#include <array>
#include <unistd.h>

namespace cooper::cli {

namespace {

std::optional<AppName> level(const Context& context, const Options& options) {
  if (options.global) return std::nullopt;
  return resolve_app(context, options);
}

/// One newline at its end ends the last line, and is no part of the value.
std::string value_from_stdin() {
  std::string text = read_open_file(Fd(::dup(STDIN_FILENO)), "the value", std::size_t{1} << 20);
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

int run_set(Context& context, const Options& options) {
  const auto app = level(context, options);
  const std::string& key = options.words[0];
  std::optional<std::string> value;
  if (options.words.size() > 1 && options.words[1] == "-") {
    // Whoever can list processes can read a command line, but not this.
    value = value_from_stdin();
  } else if (options.words.size() > 1 && !options.words[1].empty()) {
    value = options.words[1];
  }
  try {
    context.rack.set_property(app ? &*app : nullptr, key, value);
  } catch (const Error& error) {  // adapter: many are set before there is anything to build
    if (error.code() != Errc::not_found || !app || context.rack.find_app(*app)) throw;
    const std::string near =
        error.hint().starts_with("did you mean") ? error.hint() + " Else: " : "";
    throw Error(error.code(), error.message(), near + "cooper apps create " + app->str());
  }
  const bool hidden = build::secrecy_of(key) == build::Secrecy::secret;
  const std::string whose = app ? "of app " + app->str() : "of all apps";
  context.err.write(value ? key + " " + whose + " is now " +
                                (hidden ? std::string(build::kHiddenValue) : *value) + "\n"
                          : key + " " + whose + " is no longer set\n");
  return 0;
}

int run_settings(Context& context, const Options& options) {
  const auto app = level(context, options);
  const auto properties = context.rack.list_properties(app ? &*app : nullptr);
  if (options.json()) {
    context.out.write(properties_json(properties));
    return 0;
  }
  Table table({"KEY", "VALUE", "EFFECTIVE"});
  for (const rack::PropertyView& property : properties) {
    table.add({{property.key}, {property.value}, {property.effect}});
  }
  context.out.write(table.text(context.out.colours(), context.out.columns()));
  return 0;
}

constexpr Flag kGlobalFlag{.name = "global",
                           .summary = "of all apps, where an app has no value of its own",
                           .target = &Options::global,
                           .excludes = "app"};

constexpr std::array kSetPositionals = {
    Positional{.name = "KEY",
               .summary = "what is set; `cooper builds settings` lists all of them",
               .need = Positional::Need::required,
               .offer = Offer::property},
    Positional{
        .name = "VALUE",
        .summary = "the new value, or - to read it from stdin; without one the property is unset",
        .need = Positional::Need::optional}};
constexpr std::array kSetFlags = {kAppFlag, kGlobalFlag};
constexpr std::array kSettingsFlags = {kAppFlag, kGlobalFlag, kFormatFlag};

constexpr std::array kCommands = {
    Command{.name = "builds set",
            .summary = "Set a property of an app's builds",
            .positionals = kSetPositionals,
            .flags = kSetFlags,
            .examples = "cooper builds set timeout 30m -a hello\n"
                        "cooper builds set retention 50 --global\n"
                        "cooper builds set redact - -a hello\n"
                        "cooper builds set timeout -a hello",
            .run = run_set},
    Command{.name = "builds settings",
            .summary = "List the properties of an app's builds, and what applies",
            .flags = kSettingsFlags,
            .run = run_settings}};

}  // namespace

std::span<const Command> property_commands() { return kCommands; }

}  // namespace cooper::cli
