#pragma once
// What Dokku's commands work with, and how they speak.

#include "base/error.h"
#include "base/output.h"
#include "base/time.h"
#include "model/names.h"
#include "plugin/flags.h"
#include "rack/rack.h"
#include "store/file_store.h"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace cooper::plugin {

/// The surroundings of one command or trigger.
struct Face {
  rack::Rack& rack;
  store::FileStore& store;  ///< the same data root: locks, paths, what triggers write
  Output& out;
  Output& err;
  /// A variable of the environment; empty if unset.
  std::function<std::string(const char* name)> variable;
  std::function<Time()> clock;
};

/// "=====> text" on stdout, unless DOKKU_QUIET_OUTPUT is set.
void print_header(const Face& face, std::string_view text);
/// "-----> text" on stdout.
void print_info(const Face& face, std::string_view text);
/// " !     text" on stderr.
void print_warning(const Face& face, std::string_view text);

/// Prints why not, and gives the exit code: 20 for Error{not_found} (an app that
/// does not exist), else 1.
int refuse(const Face& face, const Error& error);
int refuse(const Face& face, std::string_view message);

/// The app of that name. Error{invalid} for no name or one that is none,
/// Error{not_found} if there is no such app; in Dokku's words.
[[nodiscard]] Result<AppName> existing_app(const Face& face, std::string_view name);
/// The same without the question whether there is such an app.
[[nodiscard]] Result<AppName> app_name(std::string_view name);

/// Why there is nobody to give Dokku's files to, in Dokku's words: root is about to write
/// some, and $DOKKU_SYSTEM_USER or $DOKKU_SYSTEM_GROUP names nobody.
std::optional<Error> missing_dokku_user(const Face& face);

/// Every app; if there is none, says so.
std::vector<AppName> all_apps(const Face& face);

/// Warnings of the lower layers, in Dokku's words where they are about records.
void print_warnings(const Face& face, std::span<const std::string> warnings);

/// The build of that id; nullopt if there is no record of it. Throws
/// Error{corrupt}, in Dokku's words, if its record can't be read.
std::optional<rack::BuildView> find_view(const Face& face, const AppName& app, const BuildId& id);

/// "No build record found for myapp/b1"
std::string no_record(const AppName& app, const BuildId& id);
/// "Invalid build id "../x""
std::string invalid_id(std::string_view word);

/// What applies to an app: its own retention, else the global one, else 20. Values that are none
/// are warned about.
std::size_t retention_of(const Face& face, const AppName& app);

/// The same, of values that were read before.
std::size_t retention_of(const Face& face, const AppName& app, const std::string& own,
                         const std::string& global);

/// The stored value of a property; empty if unset. `app` null: the global one.
std::string stored_retention(const Face& face, const AppName* app);

/// One of `builds:*`: what it is called, its flags, what it does. `run` returns
/// the exit code and may throw Error.
struct Subcommand {
  std::string_view name;       ///< "list"
  std::string_view arguments;  ///< as `builds:help` shows them
  std::string_view summary;
  std::span<const FlagSpec> flags;
  bool parses_flags;  ///< false: `run` gets the words as they are
  int (*run)(const Face& face, const Parsed& parsed);
  std::string_view example{};  ///< of the words behind the name
};

/// All of them, by name; without `help`.
std::span<const Subcommand> subcommands();
/// `apps:locked` and `apps:unlock`, which Dokku has in another plugin.
std::span<const Subcommand> lock_subcommands();

/// As it is typed: "builds:list", "apps:locked".
std::string full_name(const Subcommand& command);

}  // namespace cooper::plugin
