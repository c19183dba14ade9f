#include "source/git_facts.h"

#include "base/error.h"
#include "base/text.h"
#include "process/child.h"

#include <chrono>
#include <sys/stat.h>
#include <system_error>
#include <utility>
#include <vector>

namespace cooper::source {
namespace {

constexpr std::chrono::seconds kLimit{10};

bool is_in_work_tree(const std::filesystem::path& folder) {
  std::error_code failed;
  std::filesystem::path at = std::filesystem::canonical(folder, failed);
  if (failed) return false;
  for (;; at = at.parent_path()) {
    struct stat info {};
    if (::stat((at / ".git").c_str(), &info) == 0) return true;  // a file in linked work trees
    if (at == at.root_path()) return false;
  }
}

/// Ours without GIT_*: in a git hook they name the pushed-to repository, which
/// is not the one asked about.
std::vector<std::string> git_environment() {
  std::vector<std::string> environment =
      process::own_environment({"LC_ALL=C", "LANGUAGE"});  // keeps what we read in one language
  std::erase_if(environment, [](const std::string& entry) { return entry.starts_with("GIT_"); });
  environment.emplace_back("GIT_OPTIONAL_LOCKS=0");  // status must not rewrite the index
  environment.emplace_back("GIT_TERMINAL_PROMPT=0");
  environment.emplace_back("GIT_NO_LAZY_FETCH=1");
  return environment;
}

/// What git printed; nullopt if it failed. git refuses a repository of another
/// owner (safe.directory), whose settings could make it run anything: that
/// stays so.
std::optional<std::string> git(const std::filesystem::path& folder,
                               const std::vector<std::string>& arguments) {
  process::Command command;
  command.argv = {"git",
                  "-c",
                  "core.fsmonitor=false",
                  "-c",
                  "core.hooksPath=/dev/null",
                  "-c",
                  "log.showSignature=false"};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  command.environment = git_environment();
  command.folder = folder;
  process::Captured captured = process::run(std::move(command), kLimit);
  if (!captured.status.ok()) return std::nullopt;
  return std::move(captured.out);
}

/// Reads `git status --porcelain=v2 --branch -z` (git-status(1)).
std::optional<GitFacts> parse_status(std::string_view output) {
  GitFacts facts;
  facts.clean = true;
  for (const std::string_view line : split(output, '\0')) {
    constexpr std::string_view kOid = "# branch.oid ";
    constexpr std::string_view kHead = "# branch.head ";
    if (line.starts_with(kOid)) {
      facts.sha = line.substr(kOid.size());
    } else if (line.starts_with(kHead)) {
      facts.branch = line.substr(kHead.size());
    } else if (!line.empty() && !line.starts_with('#')) {
      facts.clean = false;
      break;  // the headers come first; the rest may be long, and cut
    }
  }
  if (facts.sha.empty() || facts.sha == "(initial)") return std::nullopt;
  if (facts.branch == "(detached)") facts.branch.clear();
  return facts;
}

std::optional<GitFacts> ask_git(const std::filesystem::path& folder) {
  const auto status =
      git(folder, {"status", "--porcelain=v2", "--branch", "-z", "--untracked-files=normal"});
  if (!status) return std::nullopt;
  std::optional<GitFacts> facts = parse_status(*status);
  if (!facts) return std::nullopt;
  // The commit by its id, so that both answers are about the same one.
  const auto subject =
      git(folder, {"log", "-1", "--no-color", "--encoding=UTF-8", "--format=%s", facts->sha, "--"});
  if (!subject) return std::nullopt;
  facts->subject = trim(*subject);
  if (const auto origin = git(folder, {"config", "--get", "remote.origin.url"})) {
    facts->origin = trim(*origin);
  }
  return facts;
}

}  // namespace

std::optional<GitFacts> git_facts(const std::filesystem::path& folder) {
  if (!is_in_work_tree(folder)) return std::nullopt;
  try {
    return ask_git(folder);
  } catch (const Error&) {  // adapter: no git, or one that hangs, is no facts
    return std::nullopt;
  }
}

std::string public_url(std::string_view url) {
  for (const std::string_view scheme : {"https://", "http://", "ssh://", "git://"}) {
    if (!url.starts_with(scheme)) continue;
    std::string_view rest = url.substr(scheme.size());
    const std::string_view authority = rest.substr(0, rest.find('/'));
    if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
      rest.remove_prefix(at + 1);
    }
    rest = rest.substr(0, rest.find_first_of("?#"));
    return std::string(scheme).append(rest);
  }
  // git@host:path, as ssh takes it
  const std::size_t colon = url.find(':');
  if (colon == std::string_view::npos || url.find('/') < colon) return {};
  const std::size_t at = url.substr(0, colon).rfind('@');
  const std::string_view host = url.substr(at == std::string_view::npos ? 0 : at + 1);
  if (host.find("://") != std::string_view::npos || host.find("::") != std::string_view::npos) {
    return {};
  }
  return "ssh://" + std::string(host.substr(0, host.find(':'))) + "/" +
         std::string(host.substr(host.find(':') + 1));
}

std::string default_description(const std::optional<GitFacts>& facts) {
  if (!facts || !facts->clean) return {};
  std::string description = "build " + facts->sha.substr(0, 10);
  if (!facts->subject.empty()) description += " " + facts->subject;
  return description;
}

}  // namespace cooper::source
