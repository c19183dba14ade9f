// `cooper registries`: who we are to registries.

#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/context.h"
#include "cli/json_output.h"
#include "cli/table.h"

#include <array>
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

namespace cooper::cli {

namespace {

constexpr std::size_t kLongestPassword = std::size_t{64} << 10;  // tokens are some KiB

/// A terminal that does not show what is typed, until this ends.
class Unseen {
 public:
  explicit Unseen(const Fd& terminal) : terminal_(terminal) {
    if (::tcgetattr(terminal_.get(), &before_) != 0) throw_errno("tcgetattr");
    termios unseen = before_;
    unseen.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    unseen.c_lflag |= ECHONL;
    if (::tcsetattr(terminal_.get(), TCSAFLUSH, &unseen) != 0) throw_errno("tcsetattr");
  }
  ~Unseen() { ::tcsetattr(terminal_.get(), TCSAFLUSH, &before_); }
  Unseen(const Unseen&) = delete;
  Unseen& operator=(const Unseen&) = delete;

 private:
  const Fd& terminal_;
  termios before_{};
};

std::string password_from_terminal(const std::string& host) {
  if (::isatty(STDIN_FILENO) == 0) {
    throw Error(Errc::invalid, "there is no terminal to ask for the password",
                "give it on stdin: cooper registries add " + host + " -u USER --password-stdin");
  }
  const Fd terminal = open_file("/dev/tty", O_RDWR | O_NOCTTY);
  const Unseen unseen(terminal);  // forgets what was typed before; so it comes first
  write_all(terminal.get(), "Password for " + printable(host) + ": ");
  std::string line;
  std::array<char, 1024> bytes{};
  while (line.find('\n') == std::string::npos && line.size() < kLongestPassword) {
    const ssize_t got = ::read(terminal.get(), bytes.data(), bytes.size());
    if (got <= 0) break;
    line.append(bytes.data(), static_cast<std::size_t>(got));
  }
  return line.substr(0, line.find('\n'));
}

/// One newline at its end is none of it.
std::string password_from_stdin() {
  std::string text = read_open_file(Fd(::dup(STDIN_FILENO)), "the password", kLongestPassword);
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

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
  const std::string password =
      options.password_stdin ? password_from_stdin() : password_from_terminal(host);
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
