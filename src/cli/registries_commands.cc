// `cooper registries`: who we are to registries.

#include "base/text.h"
#include "cli/context.h"
#include "cli/hidden_input.h"
#include "cli/json_output.h"
#include "cli/table.h"

#include <array>
#include <unistd.h>

namespace cooper::cli {

namespace {

int run_registries(Context& context, const Options& options) {
  std::vector<std::string> warnings;
  const auto logins = context.rack.list_registries(warnings);
  for (const std::string& warning : warnings) print_warning(context, warning);
  if (options.json()) {
    context.out.write(registries_json(logins));
    return 0;
  }
  Table table({"HOST", "USER", "KEPT IN"});
  for (const engine::KnownLogin& login : logins) {
    table.add({{printable(login.host)},
               {login.user.empty() ? "(token)" : printable(login.user)},
               {login.file.string()}});
  }
  context.out.write(table.text(context.out.colours(), context.out.columns()));
  return 0;
}

int run_add(Context& context, const Options& options) {
  const std::string& host = options.words[0];
  if (!options.user) {
    throw Error(Errc::invalid, "\"registries add\" needs --user",
                "usage: cooper registries add HOST -u USER [--password-stdin]");
  }
  const std::string password = options.password_stdin
                                   ? secret_from(STDIN_FILENO, "the password")
                                   : ask_unseen("Password for " + host, "password",
                                                "give it on stdin: cooper registries add " + host +
                                                    " -u USER --password-stdin");
  context.rack.add_registry(host, {.user = *options.user, .password = password});
  context.err.write("Credentials of " + printable(*options.user) + " at " + host + " are kept\n");
  return 0;
}

int run_remove(Context& context, const Options& options) {
  const std::string& host = options.words[0];
  context.rack.remove_registry(host);
  context.err.write("Credentials at " + host + " are removed\n");
  return 0;
}

constexpr std::array kHost = {
    Positional{.name = "HOST",
               .summary = "the registry, HOST or HOST:PORT; docker.io is Docker Hub",
               .need = Positional::Need::required}};
constexpr std::array kListFlags = {kFormatFlag};
constexpr std::array kAddFlags = {
    Flag{.name = "user",
         .letter = 'u',
         .value = "USER",
         .summary = "who logs in",
         .target = &Options::user},
    Flag{.name = "password-stdin",
         .summary = "read the password or token from stdin, and do not ask for it",
         .target = &Options::password_stdin}};

constexpr std::array kCommands = {
    Command{
        .name = "registries",
        .summary = "List the registries that there are credentials for, and where they are kept",
        .flags = kListFlags,
        .run = run_registries},
    Command{.name = "registries add",
            .summary = "Keep the credentials of a registry, for pulls and pushes of all builds",
            .positionals = kHost,
            .flags = kAddFlags,
            .examples = "cooper registries add ghcr.io -u me\n"
                        "cooper registries add ghcr.io -u me --password-stdin",
            .run = run_add},
    Command{.name = "registries remove",
            .summary = "Forget the credentials of a registry",
            .positionals = kHost,
            .run = run_remove}};

}  // namespace

std::span<const Command> registries_commands() { return kCommands; }

}  // namespace cooper::cli
