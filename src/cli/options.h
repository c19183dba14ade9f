#pragma once
// What a command line can hold, and what a command is. The tables of commands
// are constant data: help, parsing, completion and suggestions read the same ones.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace cooper::cli {

struct Context;

/// All flags of all commands; a command reads those in its table.
struct Options {
  std::vector<std::string> words;  ///< positional arguments, in order
  std::optional<std::string> app;
  std::optional<std::string> color;
  std::optional<std::string> format;
  std::optional<std::string> description;
  std::optional<std::string> dir;
  std::optional<std::string> engine;
  std::optional<std::string> manifest;
  std::optional<std::string> output;
  std::optional<std::string> platform;
  std::optional<std::string> source;
  std::optional<std::string> kind;
  std::optional<std::string> role;
  std::optional<std::string> expires;
  std::optional<std::string> service;
  std::optional<std::string> since;
  std::optional<std::string> until;
  std::optional<std::string> before;
  std::optional<std::string> user;
  std::optional<std::string> build_from;
  std::optional<std::string> env_from;
  std::optional<std::string> env_file;
  std::optional<std::string> file;
  std::optional<std::string> archive_type;
  std::optional<std::string> events;
  std::optional<std::string> secret_file;
  std::optional<std::string> listen;
  std::optional<std::string> tls_cert;
  std::optional<std::string> tls_key;
  std::optional<std::string> log_format;
  std::optional<std::string> token_file;
  std::optional<std::string> fingerprint;
  std::vector<std::string> build_args;
  std::vector<std::string> value_files;
  std::vector<std::string> secrets;
  std::vector<std::string> agents;
  std::vector<std::string> proxies;
  std::vector<std::string> statuses;
  std::optional<std::uint64_t> limit;
  std::optional<std::uint64_t> tail;
  std::optional<std::uint64_t> jobs;
  bool help = false;
  bool all = false;
  bool all_apps = false;
  bool build = false;
  bool build_if_changes = false;
  bool detach = false;
  bool development = false;
  bool dry_run = false;
  bool follow = false;
  bool global = false;
  bool id = false;
  bool ignore_case = false;
  bool no_cache = false;
  bool force = false;
  bool no_follow = false;
  bool no_restart = false;
  bool no_wait = false;
  bool password_stdin = false;
  bool promote = false;
  bool pty = false;
  bool quiet = false;
  bool raw = false;
  bool replace = false;
  bool skip_deploy_branch = false;
  bool steps = false;
  bool tls_self_signed = false;

  bool json() const { return format == "json"; }
};

/// What completion offers for a value.
enum class Offer { nothing, app, build, release, folder, file, property, command, shell };

/// A flag and where its value goes; a bool takes no value.
struct Flag {
  std::string_view name;     ///< without dashes
  char letter = 0;           ///< 0: none
  std::string_view value;    ///< what help calls its value; empty for a bool
  std::string_view summary;  ///< one line for help
  std::variant<bool Options::*, std::optional<std::string> Options::*,
               std::optional<std::uint64_t> Options::*, std::vector<std::string> Options::*>
      target;
  std::string_view choices{};   ///< "table json": nothing else is taken
  std::string_view excludes{};  ///< a flag that can't be given beside it
  Offer offer = Offer::nothing;

  bool takes_value() const { return !value.empty(); }
};

/// An argument that is no flag.
struct Positional {
  std::string_view name;     ///< as help shows it: "ID"
  std::string_view summary;  ///< one line for help
  /// command_line: one or more words after `--`, whatever they look like.
  enum class Need { required, optional, any_number, command_line } need = Need::required;
  Offer offer = Offer::nothing;
};

/// Where a command works if a server is chosen (docs/remote.md).
enum class Runs {
  anywhere,  ///< there
  here,      ///< on this host all the same
  on_host,   ///< nowhere: it is for who is on the server's host
};

/// One command. `run` returns the exit code; it may throw Error.
struct Command {
  std::string_view name;  ///< one or two words: "builds info"
  std::string_view summary;
  std::span<const Positional> positionals;
  std::span<const Flag> flags;  ///< besides --color and --help, which all have
  std::string_view examples;    ///< lines without indentation; "" for none
  int (*run)(Context& context, const Options& options);
  Runs runs = Runs::anywhere;
};

/// The tables, by subject, each in the file of its name.
std::span<const Command> build_commands();
std::span<const Command> track_commands();
std::span<const Command> builds_commands();
std::span<const Command> queue_commands();
std::span<const Command> retention_commands();
std::span<const Command> diff_commands();
std::span<const Command> bundle_commands();
std::span<const Command> image_commands();
std::span<const Command> log_commands();
std::span<const Command> property_commands();
std::span<const Command> releases_commands();
std::span<const Command> env_commands();
std::span<const Command> deploy_commands();
std::span<const Command> ps_commands();
std::span<const Command> from_archive_commands();
std::span<const Command> git_sync_commands();
std::span<const Command> apps_commands();
std::span<const Command> git_commands();
std::span<const Command> ssh_keys_commands();
std::span<const Command> plugin_commands();
std::span<const Command> engines_commands();
std::span<const Command> registries_commands();
std::span<const Command> serve_commands();
std::span<const Command> hooks_commands();
std::span<const Command> webhooks_commands();
std::span<const Command> login_commands();
std::span<const Command> tokens_commands();
std::span<const Command> audit_commands();
std::span<const Command> system_commands();
std::span<const Command> other_commands();

/// A heading of the overall help, and its commands.
struct Group {
  std::string_view title;
  std::span<const Command> commands;
};

/// The group beside which Dokku's own commands (`builds:list`, ...) are shown.
inline constexpr std::string_view kDokkuTitle = "Dokku";

/// Every command of cooper's own that a person may type, in the order of the overall help.
std::span<const Group> groups();

/// Flags of every command.
std::span<const Flag> common_flags();

/// nullptr if there is none of that name.
const Command* find_command(std::string_view name);

/// Flags that several tables share.
inline constexpr Flag kAppFlag{.name = "app",
                               .letter = 'a',
                               .value = "APP",
                               .summary = "the app (default: $COOPER_APP, else the folder's name)",
                               .target = &Options::app,
                               .offer = Offer::app};
inline constexpr Flag kFormatFlag{.name = "format",
                                  .value = "FORMAT",
                                  .summary = "table or json (default: table)",
                                  .target = &Options::format,
                                  .choices = "table json"};
/// `APP` may be left out then.
inline constexpr Flag kAppInPlaceFlag{.name = "app",
                                      .letter = 'a',
                                      .value = "APP",
                                      .summary = "the app, in place of the first argument",
                                      .target = &Options::app,
                                      .offer = Offer::app};
inline constexpr Flag kNoWaitFlag{
    .name = "no-wait",
    .summary = "fail at once (exit code 6) if it has to wait for its turn",
    .target = &Options::no_wait};
inline constexpr Flag kLimitFlag{.name = "limit",
                                 .value = "N",
                                 .summary = "show the newest N (default: 10; 0: all)",
                                 .target = &Options::limit};

}  // namespace cooper::cli
