#include "source/git_command.h"

#include "base/error.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

namespace cooper::source {

namespace {

/// In a hook most of GIT_* name the pushed-to repository and how it was called.
bool is_about_the_network(std::string_view entry) {
  constexpr std::array<std::string_view, 5> kKept = {
      "GIT_SSH=", "GIT_SSH_COMMAND=", "GIT_SSH_VARIANT=", "GIT_SSL_", "GIT_PROXY_SSL_"};
  return std::ranges::any_of(kKept, [&](std::string_view name) { return entry.starts_with(name); });
}

std::vector<std::string> environment_for(GitTransports transports) {
  const bool fetches = transports != GitTransports::none;
  std::vector<std::string> environment =
      process::own_environment({"LC_ALL=C", "LANGUAGE"});  // keeps what we read in one language
  std::erase_if(environment, [&](const std::string& entry) {
    return entry.starts_with("GIT_") && !(fetches && is_about_the_network(entry));
  });
  environment.insert(
      environment.end(),
      {"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=true", "SSH_ASKPASS_REQUIRE=never",
       "GIT_NO_LAZY_FETCH=1", "GIT_OPTIONAL_LOCKS=0", "GIT_ATTR_NOSYSTEM=1", "GIT_TEMPLATE_DIR="});
  if (!fetches) {
    environment.insert(environment.end(), {"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null"});
  }
  constexpr const char* kNetwork = "https:http:ssh:git";
  environment.push_back(std::string("GIT_ALLOW_PROTOCOL=") +
                        (transports == GitTransports::none ? ""
                         : transports == GitTransports::network
                             ? kNetwork
                             : std::string(kNetwork).append(":file")));
  return environment;
}

}  // namespace

process::Command git_process(const GitCommand& command) {
  process::Command process;
  process.argv = {"git"};
  // What could have git run a program of the repository's, or wait for one; and writing files in
  // parallel.
  for (const char* setting :
       {"core.hooksPath=/dev/null", "core.fsmonitor=false", "core.attributesFile=/dev/null",
        "log.showSignature=false", "gc.auto=0", "maintenance.auto=false", "submodule.recurse=false",
        "advice.detachedHead=false", "checkout.workers=0"}) {
    process.argv.insert(process.argv.end(), {"-c", setting});
  }
  for (const std::string& setting : command.settings) {
    process.argv.insert(process.argv.end(), {"-c", setting});
  }
  if (!command.repository.empty()) {
    process.argv.push_back("--git-dir=" + command.repository.string());
  }
  if (!command.work_tree.empty()) {
    if (!command.repository.empty()) {
      process.argv.push_back("--work-tree=" + command.work_tree.string());
    }
    process.folder = command.work_tree;
  }
  process.argv.insert(process.argv.end(), command.words.begin(), command.words.end());
  process.environment = environment_for(command.transports);
  for (const std::string& entry : command.environment) {
    const std::string name = entry.substr(0, entry.find('=') + 1);
    std::erase_if(process.environment,
                  [&](const std::string& other) { return other.starts_with(name); });
    process.environment.push_back(entry);
  }
  process.group = process::Group::own_session;  // ssh would ask on our terminal
  process.death_signal = SIGTERM;               // killed, it would leave a repository's locks
  process.umask = 022;
  return process;
}

process::Captured try_git(const GitCommand& command, std::stop_token stop) {
  return process::run(git_process(command), command.limit, std::move(stop), std::size_t{16} << 20);
}

std::string run_git(const GitCommand& command, std::stop_token stop) {
  process::Captured captured = try_git(command, std::move(stop));
  if (!captured.status.ok()) {
    throw Error(Errc::unavailable, "git " + (command.words.empty() ? "" : command.words[0]) +
                                       " failed: " + reason_of_git(captured.err));
  }
  if (captured.out.ends_with('\n')) captured.out.pop_back();
  return std::move(captured.out);
}

std::string reason_of_git(std::string_view messages) {
  std::string_view reason;
  for (std::string_view line : split(messages, '\n')) {
    line = trim(line);
    if (line.empty()) continue;
    reason = line;
    if (line.starts_with("fatal:") || line.starts_with("error:"))
      break;  // the rest follows from it
  }
  return reason.empty() ? "it said nothing" : shorten(printable(reason), 300);
}

bool is_object_id(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace cooper::source
