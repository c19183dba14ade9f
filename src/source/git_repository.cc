#include "source/git_repository.h"

#include "base/error.h"
#include "base/file.h"
#include "base/owner.h"
#include "base/text.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace cooper::source {
namespace fs = std::filesystem;

namespace {

constexpr const char* kSettingsFile = "cooper.config";

/// Included from the repository's own `config`, which so stays the operator's to edit: what
/// stands there after the include wins.
constexpr const char* kSettings = R"(# Written by cooper git:initialize. Change `config` instead.
[core]
	# A hooksPath of the user's would have pushes go unseen.
	hooksPath = hooks
	logAllRefUpdates = true
[transfer]
	fsckObjects = true
[receive]
	fsckObjects = true
	# A push from a shallow clone, as CI systems have it, makes this repository a shallow one.
	shallowUpdate = true
	# Larger is a mistake: a disk image, a database.
	maxInputSize = 4g
	# So a pusher who went away is noticed.
	keepAlive = 2
[receive "fsck"]
	# Of old tools, harmless, and in the history of well-known projects.
	zeroPaddedFilemode = warn
	badTimezone = warn
	missingSpaceBeforeDate = warn
[gc]
	autoDetach = true
)";

/// A tree that we have just made.
void give_tree_to_owner_of(const Fd& folder, const fs::path& made) {
  if (::geteuid() != 0) return;
  give_to_owner_of(folder, open_file(made, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(made)) {
    give_to_owner_of(folder, open_file(entry.path(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  }
}

void write_settings(const fs::path& repository, const std::vector<RepositoryHook>& hooks) {
  write_file_durably(repository / kSettingsFile, kSettings, 0644);
  make_folders(repository / "hooks");
  for (const RepositoryHook& hook : hooks) {
    write_file_durably(repository / "hooks" / hook.name, hook.script, 0755);
  }
}

void make_new(const Fd& folder, const fs::path& repository,
              const std::vector<RepositoryHook>& hooks) {
  const fs::path temporary =
      repository.parent_path() / (std::string(kTemporaryPrefix) + repository.filename().string());
  remove_tree(temporary);  // of a crash: we hold the lock
  run_git({.words = {"init", "--quiet", "--bare", "--initial-branch=main", temporary.string()}});
  run_git({.words = {"config", "include.path", kSettingsFile}, .repository = temporary});
  write_settings(temporary, hooks);
  fs::permissions(temporary, fs::perms::owner_all);
  give_tree_to_owner_of(folder, temporary);
  if (::rename(temporary.c_str(), repository.c_str()) != 0) {
    throw_errno("rename " + temporary.string());
  }
  if (::fsync(folder.get()) != 0) throw_errno("fsync " + repository.parent_path().string());
}

}  // namespace

void make_repository(const fs::path& repository, const std::vector<RepositoryHook>& hooks) {
  const Fd folder = open_file(repository.parent_path(), O_RDONLY | O_DIRECTORY);
  while (::flock(folder.get(), LOCK_EX) != 0) {
    if (errno != EINTR) throw_errno("lock " + repository.parent_path().string());
  }
  if (fs::exists(fs::symlink_status(repository))) {
    write_settings(repository, hooks);
  } else {
    make_new(folder, repository, hooks);
  }
}

bool is_branch_name(std::string_view text) {
  constexpr std::size_t kLongest = 200;
  if (text.empty() || text.size() > kLongest || text[0] == '-' || text == "@" || text == "HEAD" ||
      text.ends_with('.')) {
    return false;
  }
  const auto is_bad = [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == '\x7f' ||
           std::string_view("~^:?*[\\").find(c) != std::string_view::npos;
  };
  if (std::ranges::any_of(text, is_bad) || text.find("..") != std::string_view::npos ||
      text.find("@{") != std::string_view::npos) {
    return false;
  }
  return std::ranges::all_of(split(text, '/'), [](std::string_view part) {
    return !part.empty() && !part.starts_with('.') && !part.ends_with(".lock");
  });
}

std::optional<std::string> find_ref(const fs::path& repository, const std::string& ref) {
  // Absent is no failure of this one. What is in a folder of that name is listed, too.
  const std::string found =
      run_git({.words = {"for-each-ref", "--format=%(refname) %(objectname)", ref},
               .repository = repository});
  for (const std::string_view line : split(found, '\n')) {
    if (line.starts_with(ref + " ")) return std::string(line.substr(ref.size() + 1));
  }
  return std::nullopt;
}

void set_head(const fs::path& repository, const std::string& ref) {
  run_git({.words = {"symbolic-ref", "HEAD", ref}, .repository = repository});
}

std::string head_of(const fs::path& repository) {
  return run_git({.words = {"symbolic-ref", "HEAD"}, .repository = repository});
}

}  // namespace cooper::source
