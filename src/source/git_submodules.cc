#include "source/git_submodules.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "source/git_remote.h"
#include "source/url.h"

#include <chrono>
#include <cstdint>
#include <fcntl.h>
#include <map>
#include <sys/stat.h>
#include <utility>

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
  Fetch(const GitCheckout& checkout, fs::path repositories, const std::stop_token& stop)
      : checkout_(checkout),
        repositories_(std::move(repositories)),
        end_(std::chrono::steady_clock::now() + checkout.fetch_time),
        stop_(stop) {}

  std::size_t count() const { return count_; }

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
    }
  }

 private:
  static GitCommand command(std::vector<std::string> words, const fs::path& repository,
                            const fs::path& folder) {
    return {.words = std::move(words), .repository = repository, .work_tree = folder};
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
    if (!checkout_.access) throw Error(Errc::denied, "submodules are not fetched here");
    const bool is_relative = url.starts_with("./") || url.starts_with("../");
    if (is_relative && checkout_.origin.empty()) {
      throw Error(Errc::invalid,
                  "its URL is relative (" + shorten(printable(url), 120) +
                      "), and a pushed commit has nothing that it could be relative to",
                  "give .gitmodules a whole URL");
    }
    if (!is_relative) static_cast<void>(parse_source_url(url).value());
  }

  /// Which of it belongs to the commit; empty: .gitmodules names what the commit does not have.
  std::string commit_of(const Submodule& submodule, const fs::path& repository,
                        const fs::path& folder) const {
    const std::string entry =
        run_git(command({"ls-files", "--stage", "-z", "--", ":(literal)" + submodule.path},
                        repository, folder),
                stop_);
    constexpr std::string_view kSubmodule = "160000 ";
    if (!entry.starts_with(kSubmodule)) return {};
    return entry.substr(kSubmodule.size(), entry.find(' ', kSubmodule.size()) - kSubmodule.size());
  }

  /// The whole URL that git makes of a submodule's.
  std::string whole_url(const Submodule& submodule, const fs::path& repository,
                        const fs::path& folder) const {
    run_git(command({"submodule", "--quiet", "init", "--", submodule.path}, repository, folder),
            stop_);
    return run_git(
        command({"config", "--get", "submodule." + submodule.name + ".url"}, repository, folder),
        stop_);
  }

  void fetch(const fs::path& repository, const fs::path& folder, const Submodule& submodule,
             unsigned depth) {
    const std::string commit = commit_of(submodule, repository, folder);
    if (commit.empty()) return;
    check(submodule.url);
    if (++count_ > kMost)
      throw Error(Errc::invalid, "there are more than " + std::to_string(kMost) + " submodules");
    const std::string whole = whole_url(submodule, repository, folder);
    const GitAccess access = checkout_.access(whole);
    const SourceUrl url = parse_source_url(whole).value();
    const fs::path own = repositories_ / std::to_string(count_);
    const Fetched fetched =
        fetch_commit(access,
                     {.from = {.ref = "", .commit = commit},
                      .shown = shown(url),
                      .bytes = checkout_.fetch_bytes,
                      .bytes_before = bytes_,
                      .limit = std::chrono::duration_cast<std::chrono::milliseconds>(
                          end_ - std::chrono::steady_clock::now())},
                     own, stop_);
    bytes_ += fetched.bytes;
    // What its own submodules' URLs may be relative to.
    run_git(command({"config", "remote.origin.url", without_credentials(url)}, own, {}), stop_);
    const fs::path inside = folder / submodule.path;
    run_git(command({"read-tree", "--reset", "-u", fetched.commit}, own, inside), stop_);
    run(own, inside, depth + 1);
  }

  const GitCheckout& checkout_;
  fs::path repositories_;  ///< one for each submodule, by number
  std::chrono::steady_clock::time_point end_;
  const std::stop_token& stop_;
  std::size_t count_ = 0;
  std::uint64_t bytes_ = 0;  ///< that were fetched
};

}  // namespace

std::size_t fetch_submodules(const GitCheckout& checkout, const fs::path& repository,
                             const fs::path& folder, const std::stop_token& stop) {
  Fetch fetch(checkout, repository / "modules", stop);
  fetch.run(repository, folder, 0);
  return fetch.count();
}

}  // namespace cooper::source
