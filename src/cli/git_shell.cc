#include "cli/git_shell.h"

#include "base/ascii.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace cooper::cli {

namespace {

constexpr std::size_t kLongest = 1024;

constexpr std::array<std::pair<std::string_view, GitRequest::Service>, 3> kServices = {
    {{"receive-pack", GitRequest::Service::receive_pack},
     {"upload-pack", GitRequest::Service::upload_pack},
     {"upload-archive", GitRequest::Service::upload_archive}}};

Error refused() {
  return {Errc::denied, "this key may push to and fetch from apps' repositories, and nothing else",
          "git push ssh://USER@HOST/APP main"};
}

/// Takes `git-NAME ` or `git NAME ` off the command's beginning.
std::optional<GitRequest::Service> take_service(std::string_view& command) {
  for (const auto& [name, service] : kServices) {
    for (const char* separator : {"-", " "}) {
      const std::string prefix = std::string("git") + separator + std::string(name) + " ";
      if (!command.starts_with(prefix)) continue;
      command.remove_prefix(prefix.size());
      return service;
    }
  }
  return std::nullopt;
}

/// One word, in single quotes or without any character that a shell would act on. git's own
/// quoting of ' and ! is not needed: no app's name has these.
std::optional<std::string_view> one_word(std::string_view text) {
  if (text.size() >= 2 && text.front() == '\'' && text.back() == '\'') {
    text = text.substr(1, text.size() - 2);
  }
  return !text.empty() && is_made_of_letters(text, "-._/~") ? std::optional(text) : std::nullopt;
}

}  // namespace

Result<GitRequest> parse_git_request(std::string_view command) {
  if (command.size() > kLongest) return refused();
  const auto service = take_service(command);
  const auto path = service ? one_word(command) : std::nullopt;
  if (!path) return refused();
  std::string_view name = *path;
  for (const std::string_view prefix : {"/~/", "~/", "/"}) {
    if (!name.starts_with(prefix)) continue;
    name.remove_prefix(prefix.size());
    break;
  }
  if (name.ends_with('/')) name.remove_suffix(1);
  if (name.ends_with(".git")) name.remove_suffix(4);
  const Result<AppName> app = AppName::parse(name);
  if (!app) return app.error();
  return GitRequest{*service, *app};
}

std::string_view name_of(GitRequest::Service service) noexcept {
  return std::ranges::find(kServices, service,
                           &std::pair<std::string_view, GitRequest::Service>::second)
      ->first;
}

}  // namespace cooper::cli
