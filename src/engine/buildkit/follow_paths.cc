#include "engine/buildkit/follow_paths.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"
#include "source/ignore.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <map>
#include <set>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace cooper::engine::buildkit {
namespace {

constexpr int kMaxLinks = 40;  // on one path, as the kernel has it
constexpr std::size_t kMaxWork = 10'000;

/// `path` as if it began at the root: no empty, `.` or `..` parts.
std::string rooted(std::string_view path) {
  std::vector<std::string_view> kept;
  for (const std::string_view part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      kept.push_back(part);
    } else if (!kept.empty()) {
      kept.pop_back();
    }
  }
  std::string result;
  for (const std::string_view part : kept) {
    if (!result.empty()) result += '/';
    result += part;
  }
  return result;
}

std::string joined(std::string_view folder, std::string_view name) {
  std::string path(folder);
  if (!path.empty() && !name.empty()) path += '/';
  return path.append(name);
}

std::string_view folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool is_pattern(std::string_view name) {
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '\\') {
      ++i;
    } else if (name[i] == '*' || name[i] == '?' || name[i] == '[') {
      return true;
    }
  }
  return false;
}

class Following {
 public:
  explicit Following(const std::filesystem::path& root)
      : root_(open_file(root, O_RDONLY | O_DIRECTORY)) {}

  void add(std::string_view path) {
    todo_.emplace_back(rooted(path), 0);
    while (!todo_.empty()) {
      auto [next, links] = std::move(todo_.back());
      todo_.pop_back();
      if (links <= kMaxLinks && seen_.insert(next).second) follow(next, links);
      if (seen_.size() + todo_.size() > kMaxWork) {
        throw Error(Errc::invalid, "the paths that the Dockerfile copies lead through more than " +
                                       std::to_string(kMaxWork) + " symbolic links");
      }
    }
  }

  bool has_root() const { return results_.contains(std::string()); }
  std::vector<std::string> results() const { return {results_.begin(), results_.end()}; }

 private:
  /// Goes along `path` to the first part that is a link, or to its end.
  void follow(const std::string& path, int links) {
    for (std::size_t end = 0; end < path.size(); ++end) {
      end = std::min(path.find('/', end), path.size());
      const std::string current = path.substr(0, end);
      const std::vector<std::string>& targets = link_targets(current);
      if (targets.empty()) continue;
      results_.insert(current);
      const std::string_view rest = std::string_view(path).substr(std::min(end + 1, path.size()));
      for (const std::string& target : targets) {
        todo_.emplace_back(rooted(joined(target, rest)), links + 1);
      }
      return;
    }
    results_.insert(path);
  }

  /// Where the link, or the links that the pattern in its last part matches, lead.
  const std::vector<std::string>& link_targets(const std::string& path) {
    const auto [at, is_new] = known_targets_.try_emplace(path);
    if (is_new) at->second = read_link_targets(path);
    return at->second;
  }

  std::vector<std::string> read_link_targets(const std::string& path) const {
    std::vector<std::string> targets;
    const auto add_target = [&](const std::string& link) {
      if (std::optional<std::string> target = link_target(link)) {
        targets.push_back(*std::move(target));
      }
    };
    if (!is_pattern(name_of(path))) {
      add_target(path);
      return targets;
    }
    const Result<source::IgnorePattern> pattern = source::IgnorePattern::compile(name_of(path));
    if (!pattern) return targets;
    for (const std::string& name : names_in(folder_of(path))) {
      if (pattern->match(name) == source::IgnorePattern::Match::full) {
        add_target(joined(folder_of(path), name));
      }
    }
    return targets;
  }

  std::vector<std::string> names_in(std::string_view folder) const {
    try {
      const Fd fd = open_beneath(root_, folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
      std::vector<std::string> names = list_folder(fd);
      std::ranges::sort(names);
      return names;
    } catch (const Error&) {  // adapter: no such folder; what can't be read fails in the walk
      return {};
    }
  }

  /// nullopt: it is no link.
  std::optional<std::string> link_target(const std::string& path) const {
    std::array<char, 4096> text{};  // PATH_MAX, which the kernel's links don't exceed
    ssize_t length = -1;
    try {
      const Fd fd = open_beneath(root_, path, O_PATH | O_NOFOLLOW);
      length = ::readlinkat(fd.get(), "", text.data(), text.size());
    } catch (const Error&) {  // adapter: no such entry
      return std::nullopt;
    }
    if (length < 0) return std::nullopt;
    const std::string_view target(text.data(), static_cast<std::size_t>(length));
    if (target.starts_with('/')) return rooted(target);
    return rooted(joined(folder_of(path), target));
  }

  Fd root_;
  std::vector<std::pair<std::string, int>> todo_;  ///< paths, and the links before them
  std::set<std::string> seen_;
  std::set<std::string> results_;
  std::map<std::string, std::vector<std::string>> known_targets_;  ///< of paths met before
};

}  // namespace

std::optional<std::vector<std::string>> follow_paths(const std::filesystem::path& root,
                                                     std::span<const std::string> paths) {
  Following following(root);
  for (const std::string& path : paths) following.add(path);
  if (following.has_root()) return std::nullopt;
  return following.results();
}

}  // namespace cooper::engine::buildkit
