// `cooper serve`: becomes cooper-server, which alone links what a server needs.

#include "base/error.h"
#include "base/text.h"
#include "cli/context.h"
#include "process/libexec.h"

#include <array>
#include <string>
#include <unistd.h>
#include <vector>

namespace cooper::cli {

namespace {

int run_serve(Context& /*context*/, const Options& options) {
  if (options.tls_cert.has_value() != options.tls_key.has_value()) {
    throw Error(Errc::invalid, "--tls-cert and --tls-key belong together");
  }
  const std::string program = process::libexec_program("cooper-server").string();
  std::vector<std::string> words = {program};
  const auto add = [&](const char* flag, const std::optional<std::string>& value) {
    if (value) words.insert(words.end(), {flag, *value});
  };
  add("--listen", options.listen);
  add("--tls-cert", options.tls_cert);
  add("--tls-key", options.tls_key);
  if (!options.proxies.empty()) {
    words.insert(words.end(), {"--trusted-proxy", join(options.proxies, ",")});
  }
  add("--log-format", options.log_format);
  if (options.quiet) words.emplace_back("--quiet");
  if (options.tls_self_signed) words.emplace_back("--tls-self-signed");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  // The same process: systemd has told its sockets to this one.
  ::execv(program.c_str(), argv.data());
  throw_errno("start " + program);
}

constexpr std::array kFlags = {
    Flag{.name = "listen",
         .value = "ADDRESS:PORT",
         .summary = "where to listen (default: 127.0.0.1:5000, or systemd's sockets)",
         .target = &Options::listen},
    Flag{.name = "tls-cert",
         .value = "FILE",
         .summary = "speak HTTPS with this certificate (PEM, with its chain)",
         .target = &Options::tls_cert,
         .offer = Offer::file},
    Flag{.name = "tls-key",
         .value = "FILE",
         .summary = "and its key (PEM)",
         .target = &Options::tls_key,
         .offer = Offer::file},
    Flag{.name = "tls-self-signed",
         .summary = "speak HTTPS with a certificate of our own, made once",
         .target = &Options::tls_self_signed,
         .excludes = "tls-cert"},
    Flag{.name = "trusted-proxy",
         .value = "ADDRESS",
         .summary = "whose X-Forwarded-For to believe (10.0.0.0/8); may be repeated",
         .target = &Options::proxies},
    Flag{.name = "log-format",
         .value = "FORMAT",
         .summary = "of the lines on stderr: logfmt or json (default: logfmt)",
         .target = &Options::log_format,
         .choices = "logfmt json"},
    Flag{.name = "quiet", .summary = "no line for each request", .target = &Options::quiet}};

constexpr std::array kCommands = {
    Command{.name = "serve",
            .summary = "Serve the same verbs over HTTP, also to the convox client",
            .flags = kFlags,
            .examples = "cooper serve\n"
                        "cooper serve --listen 127.0.0.1:5443 --tls-self-signed",
            .run = run_serve,
            .runs = Runs::here}};

}  // namespace

std::span<const Command> serve_commands() { return kCommands; }

}  // namespace cooper::cli
