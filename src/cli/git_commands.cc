// `cooper git:initialize`, and what git and sshd run: `git-hook` and `git-shell`.

#include "base/text.h"
#include "cli/authorized_keys.h"
#include "cli/context.h"
#include "cli/git_hook.h"
#include "cli/git_shell.h"
#include "cli/interrupt.h"
#include "process/child.h"
#include "rack/app_repository.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <poll.h>
#include <stop_token>
#include <unistd.h>

namespace cooper::cli {

namespace {

AppName named_app(const Context& context, const Options& options) {
  if (options.words.empty()) return resolve_app(context, options);
  const AppName name = AppName::parse(options.words[0]).value();
  if (options.app && *options.app != name.str()) {
    throw Error(Errc::invalid, "two apps are named: " + name.str() + " and " + *options.app,
                "name one");
  }
  return name;
}

int run_initialize(Context& context, const Options& options) {
  const AppName app = named_app(context, options);
  const std::filesystem::path repository = context.rack.initialize_git(app);
  context.out.write("Initializing the repository of " + app.str() + "... OK\n");
  context.err.write("Push to it with: git push " + repository.string() + " main\n");
  return 0;
}

/// Of ours only what git may know: which protocol the client speaks, and who pushes.
std::vector<std::string> environment_for(const Context& context, const std::string& key) {
  std::vector<std::string> environment = process::own_environment();
  std::erase_if(environment, [](const std::string& entry) {
    return entry.starts_with("GIT_") || entry.starts_with(rack::kPushedBy);
  });
  const std::string protocol = context.variable("GIT_PROTOCOL");
  const bool is_plain =
      protocol.size() < 64 && std::ranges::all_of(protocol, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '=' || c == ':';
      });
  if (!protocol.empty() && is_plain) environment.push_back("GIT_PROTOCOL=" + protocol);
  // The repository's reflog has it.
  environment.push_back("GIT_COMMITTER_NAME=" + key);
  environment.push_back("GIT_COMMITTER_EMAIL=" + key + "@ssh-key");
  environment.push_back(std::string(rack::kPushedBy) + "=" + key);
  return environment;
}

/// Becomes the program. Returns only by throwing.
[[noreturn]] void become(std::vector<std::string> words, std::vector<std::string> environment) {
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (std::string& text : texts) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
  };
  ::execvpe(words[0].c_str(), pointers(words).data(), pointers(environment).data());
  throw_errno("run " + words[0]);
}

/// Runs it, and ends it, with its hooks, when the pusher has gone: git would wait for them. One
/// who has his answer goes, too: git gets the time to end by itself.
int receive(const process::Command& command) {
  const Interrupts interrupts(Interrupts::Takes::all_ends, STDOUT_FILENO);
  process::Child git = process::Child::start(command);
  const std::stop_callback hang_up(interrupts.first(), [&] {
    constexpr int kEndsInMs = 1000;
    pollfd ended{.fd = git.pidfd(), .events = POLLIN, .revents = 0};
    if (::poll(&ended, 1, kEndsInMs) == 0) git.signal_group(SIGHUP);
  });
  return git.wait().code;
}

int run_git_shell(Context& context, const Options& options) {
  const std::string& key = options.words[0];
  if (!is_key_name(key)) throw Error(Errc::invalid, "\"" + printable(key) + "\" is no key's name");
  const std::string command = context.variable("SSH_ORIGINAL_COMMAND");
  if (command.empty()) {
    throw Error(Errc::denied, "key " + key + " is known; it may push and fetch, but not log in",
                "git push ssh://USER@HOST/APP main");
  }
  const GitRequest request = parse_git_request(command).value();
  const bool is_push = request.service == GitRequest::Service::receive_pack;
  const std::filesystem::path repository = rack::repository_for(
      context.rack, request.app, is_push ? rack::GitUse::push : rack::GitUse::fetch);
  std::vector<std::string> words = {"git", std::string(name_of(request.service)),
                                    repository.string()};
  if (is_push) {
    return receive({.argv = std::move(words),
                    .environment = environment_for(context, key),
                    .in = STDIN_FILENO,
                    .out = STDOUT_FILENO,
                    .err = STDERR_FILENO});
  }
  become(std::move(words), environment_for(context, key));
}

constexpr std::array kApp = {
    Positional{.name = "APP",
               .summary = "the app, made if there is none (default: as for -a)",
               .need = Positional::Need::optional,
               .offer = Offer::app}};
constexpr std::array kHook = {Positional{.name = "HOOK", .summary = "pre-receive or post-receive"}};
constexpr std::array kKey = {Positional{.name = "NAME", .summary = "the key's name"}};
constexpr std::array kInitializeFlags = {kAppFlag};

constexpr std::array kCommands = {
    Command{.name = "git:initialize",
            .summary = "Make the repository that builds what is pushed to it",
            .positionals = kApp,
            .flags = kInitializeFlags,
            .examples = "cooper git:initialize hello",
            .run = run_initialize,
            .runs = Runs::on_host},
    Command{.name = "git-shell",
            .summary = "What sshd runs for a key of `ssh-keys add`: pushes and fetches alone",
            .positionals = kKey,
            .run = run_git_shell,
            .runs = Runs::here},
    Command{.name = "git-hook",
            .summary = "What git runs in an app's repository when something is pushed",
            .positionals = kHook,
            .run = run_git_hook,
            .runs = Runs::here}};

}  // namespace

std::span<const Command> git_commands() { return kCommands; }

}  // namespace cooper::cli
