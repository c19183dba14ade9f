#include "source/git_submodules.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"

#include <fcntl.h>
#include <map>
#include <sys/stat.h>
#include <unistd.h>

namespace cooper::source {
namespace fs = std::filesystem;

namespace {

/// No project has as many; a repository that has itself as a submodule might.
constexpr std::size_t kMost = 500;
constexpr unsigned kDeepest = 10;

struct Submodule {
  std::string name;
  std::string path;
  std::string url;
};

/// Of a file in the tree that is no link to somewhere else.
bool is_file(const Fd& folder, const fs::path& name) {
  try {
    const Fd file = open_beneath(folder, name, O_RDONLY | O_NONBLOCK);
    struct stat info {};
    return ::fstat(file.get(), &info) == 0 && S_ISREG(info.st_mode);
  } catch (const Error&) {  // adapter: absent, or a link
    return false;
  }
}

class Fetch {
 public:
  Fetch(const GitCheckout& checkout, const std::stop_token& stop)
      : checkout_(checkout), stop_(stop) {}

  std::size_t count() const { return count_; }

  /// `repository` empty: that of the folder, a submodule itself.
  void run(const fs::path& repository, const fs::path& folder, unsigned depth) {
    const Fd open_folder = open_file(folder, O_RDONLY | O_DIRECTORY);
    if (!is_file(open_folder, ".gitmodules")) return;
    if (depth > kDeepest) throw Error(Errc::invalid, "submodules are nested too deeply");
    for (const Submodule& submodule : list(repository, folder)) {
      try {
        fetch(repository, folder, submodule, depth);
      } catch (const Error& error) {  // adapter: which one it was
        if (error.code() == Errc::canceled) throw;
        throw Error(error.code(),
                    "submodule " + shorten(printable(submodule.path), 120) + ": " + error.message(),
                    error.hint());
      }
      // git allows no such name in a commit: it is the submodule's own.
      const fs::path link = fs::path(submodule.path) / ".git";
      if (is_file(open_folder, link)) {
        const Fd parent = open_beneath(open_folder, submodule.path, O_RDONLY | O_DIRECTORY);
        if (::unlinkat(parent.get(), ".git", 0) != 0) throw_errno("remove " + link.string());
      }
    }
  }

 private:
  GitCommand command(std::vector<std::string> words, const fs::path& repository,
                     const fs::path& folder, GitTransports transports = GitTransports::none) const {
    return {.words = std::move(words),
            .repository = repository,
            .work_tree = folder,
            .transports = transports};
  }

  /// Those of .gitmodules that git will take: with path and URL.
  std::vector<Submodule> list(const fs::path& repository, const fs::path& folder) const {
    const process::Captured found =
        try_git(command({"config", "--file", ".gitmodules", "-z", "--get-regexp",
                         "^submodule\\..*\\.(path|url)$"},
                        repository, folder),
                stop_);
    std::map<std::string, Submodule> by_name;
    for (const std::string_view entry : split(found.out, '\0')) {
      const std::size_t end = entry.find('\n');
      const std::size_t dot = entry.substr(0, end).rfind('.');
      constexpr std::string_view kPrefix = "submodule.";
      if (end == std::string_view::npos || dot <= kPrefix.size()) continue;
      const std::string name(entry.substr(kPrefix.size(), dot - kPrefix.size()));
      const std::string_view key = entry.substr(dot + 1, end - dot - 1);
      const std::string value(entry.substr(end + 1));
      (key == "url" ? by_name[name].url : by_name[name].path) = value;
    }
    std::vector<Submodule> submodules;
    for (auto& [name, submodule] : by_name) {
      submodule.name = name;
      const auto path = normal_path(submodule.path);
      if (path && !path->empty() && *path == submodule.path && !submodule.url.empty()) {
        submodules.push_back(submodule);
      }
    }
    return submodules;
  }

  void check(const std::string& url) const {
    const bool is_relative = url.starts_with("./") || url.starts_with("../");
    if (is_relative && checkout_.origin.empty()) {
      throw Error(Errc::invalid,
                  "its URL is relative (" + shorten(printable(url), 120) +
                      "), and a pushed commit has nothing that it could be relative to",
                  "give .gitmodules a whole URL");
    }
    if (!is_relative && checkout_.access) static_cast<void>(parse_source_url(url).value());
  }

  /// The whole URL that git makes of a submodule's, and how it may be fetched from.
  GitAccess access_to(const fs::path& repository, const fs::path& folder,
                      const Submodule& submodule) const {
    const std::string setting = "submodule." + submodule.name + ".url";
    run_git(command({"submodule", "--quiet", "init", "--", submodule.path}, repository, folder),
            stop_);
    const std::string url =
        run_git(command({"config", "--get", setting}, repository, folder), stop_);
    if (!checkout_.access) return {.url = url, .settings = {}, .environment = {}};
    GitAccess access = checkout_.access(url);
    run_git(command({"config", setting, access.url}, repository, folder), stop_);
    return access;
  }

  void fetch(const fs::path& repository, const fs::path& folder, const Submodule& submodule,
             unsigned depth) {
    // One that .gitmodules names and the commit does not have is none.
    const std::string entry =
        run_git(command({"ls-files", "--stage", "-z", "--", ":(literal)" + submodule.path},
                        repository, folder),
                stop_);
    if (!entry.starts_with("160000 ")) return;
    check(submodule.url);
    if (++count_ > kMost)
      throw Error(Errc::invalid, "there are more than " + std::to_string(kMost) + " submodules");
    const GitAccess access = access_to(repository, folder, submodule);
    GitCommand update =
        command({"submodule", "--quiet", "update", "--checkout", "--", submodule.path}, repository,
                folder, checkout_.transports);
    access.apply(update);
    run_git(update, stop_);
    const fs::path inside = folder / submodule.path;
    const Fd open_folder = open_file(folder, O_RDONLY | O_DIRECTORY);
    if (is_file(open_folder, fs::path(submodule.path) / ".git")) run({}, inside, depth + 1);
  }

  const GitCheckout& checkout_;
  const std::stop_token& stop_;
  std::size_t count_ = 0;
};

}  // namespace

std::size_t fetch_submodules(const GitCheckout& checkout, const fs::path& repository,
                             const fs::path& folder, const std::stop_token& stop) {
  Fetch fetch(checkout, stop);
  fetch.run(repository, folder, 0);
  return fetch.count();
}

}  // namespace cooper::source
