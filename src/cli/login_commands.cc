// `cooper login` and `cooper logout`: which servers commands may work on.

#include "base/error.h"
#include "base/error_line.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/context.h"
#include "cli/hidden_input.h"
#include "cli/named_file.h"
#include "cli/table.h"
#include "process/child.h"
#include "process/libexec.h"
#include "remote/server.h"

#include <array>
#include <unistd.h>

namespace cooper::cli {

namespace {

using remote::Logins;
using remote::Server;

/// By cooper-remote, which alone speaks HTTP. The token comes by its stdin: no list of processes
/// shows it.
void check(const Server& server) {
  Pipe input = make_pipe();
  write_all(input.write.get(), "url " + server.url + "\nuser " + server.user + "\ntoken " +
                                   server.token + "\nfingerprint " + server.fingerprint + "\n");
  input.write.reset();
  const process::Captured captured =
      process::run({.argv = {process::libexec_program("cooper-remote").string(), "--check-login"},
                    .environment = process::own_environment(),
                    .in = input.read.get()});
  if (const auto error = parse_error_line(captured.out)) throw Error(*error);
  if (captured.out != "ok\n") {
    throw Error(Errc::internal, "cooper-remote: " + printable(trim(captured.err)));
  }
}

std::string token_for(const Context& context, const Options& options, const Server& server) {
  if (!server.token.empty()) return server.token;
  if (options.token_file == "-") return secret_from(STDIN_FILENO, "the token");
  if (options.token_file) {
    return secret_from(open_named_file(context.folder, *options.token_file).get(), "the token");
  }
  return ask_unseen(
      "Token for " + server.url, "token",
      "give it in a file or on stdin: cooper login " + server.url + " --token-file FILE, or -");
}

int show_logins(const Context& context, const Logins& logins) {
  const auto current = logins.current();
  Table table({"SERVER", "USER", "CURRENT"});
  for (const auto& [url, server] : logins.all()) {
    table.add({{url}, {printable(server.user)}, {current && current->url == url ? "yes" : ""}});
  }
  context.out.write(table.text(context.out.colours(), context.out.columns()));
  return 0;
}

int run_login(Context& context, const Options& options) {
  const Logins logins(remote::logins_file(context.variable));
  if (options.words.empty()) return show_logins(context, logins);
  Server server = remote::parse_server(options.words[0]).value();
  if (options.user) server.user = *options.user;
  if (options.fingerprint) {
    server.fingerprint = remote::parse_fingerprint(*options.fingerprint).value();
    if (!server.url.starts_with("https:")) {
      throw Error(Errc::invalid, "only an https:// server has a certificate with a fingerprint");
    }
  }
  server.token = token_for(context, options, server);
  if ((server.user + server.token).find_first_of("\r\n") != std::string::npos) {
    throw Error(Errc::invalid, "the token is no single line");
  }
  check(server);
  logins.add(server);
  context.err.write("Logged in to " + server.url + "\n");
  return 0;
}

int run_logout(Context& context, const Options& options) {
  const Logins logins(remote::logins_file(context.variable));
  std::string url;
  if (options.words.empty()) {
    const auto current = logins.current();
    if (!current) {
      throw Error(Errc::not_found, "no server is the current one", "`cooper login` lists them");
    }
    url = current->url;
  } else {
    url = remote::parse_server(options.words[0]).value().url;
  }
  if (!logins.remove(url)) {
    throw Error(Errc::not_found, "there is no login to " + url, "`cooper login` lists them");
  }
  context.err.write("Logged out of " + url +
                    ". The token is good until it is revoked: cooper tokens revoke ID\n");
  return 0;
}

constexpr std::array kUrl = {
    Positional{.name = "URL",
               .summary = "https://HOST[:PORT]; without it, the logins are listed",
               .need = Positional::Need::optional}};
constexpr std::array kKnownUrl = {Positional{.name = "URL",
                                             .summary = "the server (default: the current one)",
                                             .need = Positional::Need::optional}};
constexpr std::array kLoginFlags = {
    Flag{.name = "token-file",
         .value = "FILE",
         .summary = "read the token from a file, or from stdin (-), and do not ask for it",
         .target = &Options::token_file,
         .offer = Offer::file},
    Flag{.name = "fingerprint",
         .value = "SHA256",
         .summary = "trust this certificate and no other, whoever signed it",
         .target = &Options::fingerprint},
    Flag{.name = "user",
         .letter = 'u',
         .value = "USER",
         .summary = "whom the server's audit log names (default: cooper)",
         .target = &Options::user}};

constexpr std::array kCommands = {
    Command{.name = "login",
            .summary = "Keep a server's token, and work there where this host has no data root",
            .positionals = kUrl,
            .flags = kLoginFlags,
            .examples = "cooper login https://build.example.com\n"
                        "cooper login https://10.0.0.7:5443 --fingerprint AB:CD:... "
                        "--token-file token",
            .run = run_login,
            .runs = Runs::here},
    Command{.name = "logout",
            .summary = "Forget a server's token",
            .positionals = kKnownUrl,
            .run = run_logout,
            .runs = Runs::here}};

}  // namespace

std::span<const Command> login_commands() { return kCommands; }

}  // namespace cooper::cli
