#pragma once
// Running git on what somebody may have made to do harm.

#include "process/child.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::source {

/// What git may fetch from. The user's own configuration (credentials, proxies) is read only
/// where it may fetch at all.
enum class GitTransports : std::uint8_t {
  none,
  network,            ///< https, http, ssh and git
  network_and_files,  ///< and paths of this host
};

struct GitCommand {
  std::vector<std::string> words;    ///< what comes after `git`
  std::filesystem::path repository;  ///< its git folder; empty: the one of work_tree
  std::filesystem::path work_tree;   ///< and the working folder; empty: none
  GitTransports transports = GitTransports::none;
  std::vector<std::string> settings;     ///< "http.proxy=": for this call alone
  std::vector<std::string> environment;  ///< "NAME=value", in place of what it would be
  std::chrono::milliseconds limit = std::chrono::minutes(30);
};

/// The process to start: no hook, monitor or template runs or is copied, nobody is asked for
/// a password, its messages are English, what it makes is readable for all, and it ends with
/// us. No GIT_* variable of ours reaches it but those about ssh and certificates, where it may
/// fetch.
process::Command git_process(const GitCommand& command);

/// Runs it to its end, whatever that is. Throws Error{unavailable} after the limit,
/// Error{canceled}; Error{not_found} if there is no git.
process::Captured try_git(const GitCommand& command, std::stop_token stop = {});

/// The same; what it printed, without the last newline. Throws Error{unavailable} if git failed,
/// with its reason.
std::string run_git(const GitCommand& command, std::stop_token stop = {});

/// The one line of git's messages that says why it failed, printable.
std::string reason_of_git(std::string_view messages);

/// The full name of an object: 40 or 64 hex digits.
bool is_object_id(std::string_view text);

}  // namespace cooper::source
