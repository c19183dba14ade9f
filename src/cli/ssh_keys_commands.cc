// `cooper ssh-keys ...`: who may push over ssh.

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/authorized_keys.h"
#include "cli/context.h"
#include "cli/json_output.h"
#include "cli/named_file.h"
#include "cli/table.h"
#include "process/child.h"
#include "rack/app_repository.h"
#include "source/git_command.h"

#include <array>
#include <fcntl.h>
#include <pwd.h>
#include <sys/mman.h>
#include <unistd.h>

namespace cooper::cli {
namespace fs = std::filesystem;

namespace {

/// Where sshd looks for the keys of the user that we are: it does not ask $HOME.
fs::path own_file() {
  std::array<char, 16384> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) != 0 || !found) {
    throw Error(Errc::not_found, "user " + std::to_string(::geteuid()) + " has no home folder",
                "name the file: --file");
  }
  return fs::path(entry.pw_dir) / ".ssh/authorized_keys";
}

AuthorizedKeys keys_of(const Options& options) {
  return AuthorizedKeys(options.file ? fs::path(*options.file) : own_file());
}

std::string checked_name(const std::string& name) {
  if (is_key_name(name)) return name;
  throw Error(Errc::invalid, "\"" + shorten(printable(name), 80) + "\" can't be a key's name",
              "letters, digits, '.', '_', '-' and '@', at most 64, a letter or digit first");
}

std::string key_text(const Context& context, const Options& options) {
  constexpr std::size_t kMost = std::size_t{64} << 10;
  if (options.words.size() < 2 || options.words[1] == "-") {
    return read_open_file(Fd(::dup(STDIN_FILENO)), "the key", kMost);
  }
  return read_open_file(open_named_file(context.folder, options.words[1]), options.words[1], kMost);
}

/// ssh-keygen knows what our own look at the line can't tell.
void check_key(const PublicKey& key) {
  const Fd file(::memfd_create("key", MFD_CLOEXEC));
  if (!file) throw_errno("memfd_create");
  write_all(file.get(), key.type + " " + key.blob + "\n");
  if (::lseek(file.get(), 0, SEEK_SET) != 0) throw_errno("lseek");
  process::Captured done;
  try {
    done = process::run({.argv = {"ssh-keygen", "-l", "-f", "-"},
                         .environment = process::own_environment({"LC_ALL=C"}),
                         .in = file.get()});
  } catch (const Error& error) {  // adapter: say what is missing
    if (error.code() != Errc::not_found) throw;
    throw Error(Errc::unavailable, "there is no ssh-keygen, which checks keys",
                "install openssh-client");
  }
  if (done.status.ok()) return;
  throw Error(Errc::invalid,
              "ssh-keygen finds no key in it: " +
                  shorten(printable(trim(done.err.empty() ? done.out : done.err)), 200),
              "give the .pub file, one line such as: ssh-ed25519 AAAA... you@host");
}

int run_add(Context& context, const Options& options) {
  const std::string name = checked_name(options.words[0]);
  const PublicKey key = parse_public_key(key_text(context, options)).value();
  check_key(key);
  keys_of(options).add(name, key,
                       authorized_line(name, key, rack::lasting_program(), rack::own_root()));
  context.out.write("Adding key " + name + "... OK, " + fingerprint(key) + "\n");
  return 0;
}

int run_list(Context& context, const Options& options) {
  const std::vector<AuthorizedKey> keys = keys_of(options).list();
  if (options.json()) {
    context.out.write(keys_json(keys));
    return 0;
  }
  Table table({"NAME", "TYPE", "FINGERPRINT"});
  for (const AuthorizedKey& key : keys) {
    table.add({{key.name}, {key.key.type}, {fingerprint(key.key)}});
  }
  context.out.write(table.text(context.out.colours(), context.out.columns()));
  return 0;
}

int run_remove(Context& context, const Options& options) {
  const std::string name = checked_name(options.words[0]);
  keys_of(options).remove(name);
  context.out.write("Removing key " + name + "... OK\n");
  return 0;
}

constexpr Flag kFileFlag{.name = "file",
                         .value = "FILE",
                         .summary = "the authorized_keys (default: that of the user who runs this)",
                         .target = &Options::file,
                         .offer = Offer::file};
constexpr std::array kAddWords = {
    Positional{.name = "NAME", .summary = "what the key is called: whose it is"},
    Positional{.name = "FILE",
               .summary = "the public key (default, and -: stdin)",
               .need = Positional::Need::optional,
               .offer = Offer::file}};
constexpr std::array kRemoveWords = {Positional{.name = "NAME", .summary = "the key that goes"}};
constexpr std::array kFlags = {kFileFlag};
constexpr std::array kListFlags = {kFileFlag, kFormatFlag};

constexpr std::array kCommands = {
    Command{.name = "ssh-keys",
            .summary = "List the keys that may push over ssh",
            .flags = kListFlags,
            .run = run_list,
            .runs = Runs::on_host},
    Command{.name = "ssh-keys list",
            .summary = "List the keys that may push over ssh",
            .flags = kListFlags,
            .run = run_list,
            .runs = Runs::on_host},
    Command{.name = "ssh-keys add",
            .summary = "Let a key push to and fetch from all apps, and do nothing else",
            .positionals = kAddWords,
            .flags = kFlags,
            .examples = "cooper ssh-keys add alice alice.pub\n"
                        "cooper ssh-keys add bob - --file /home/git/.ssh/authorized_keys",
            .run = run_add,
            .runs = Runs::on_host},
    Command{.name = "ssh-keys remove",
            .summary = "Take a key's right to push away",
            .positionals = kRemoveWords,
            .flags = kFlags,
            .examples = "cooper ssh-keys remove alice",
            .run = run_remove,
            .runs = Runs::on_host}};

}  // namespace

std::span<const Command> ssh_keys_commands() { return kCommands; }

}  // namespace cooper::cli
