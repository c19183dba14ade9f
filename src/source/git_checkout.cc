#include "source/git_checkout.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "source/git_submodules.h"

#include <fcntl.h>
#include <utility>

namespace cooper::source {
namespace fs = std::filesystem;

namespace {

/// A repository of our own that borrows the objects: its index, its configuration and what
/// submodules it gets are gone with it.
void make_scratch_repository(const GitCheckout& checkout, const fs::path& repository) {
  constexpr std::size_t kSha1 = 40;
  run_git({.words = {
               "init", "--quiet", "--bare", "--initial-branch=main",
               checkout.commit.size() == kSha1 ? "--object-format=sha1" : "--object-format=sha256",
               repository.string()}});
}

/// One that was kept may have had another.
void set_origin(const GitCheckout& checkout, const fs::path& repository) {
  if (!checkout.origin.empty()) {
    run_git({.words = {"config", "remote.origin.url", checkout.origin}, .repository = repository});
  } else {
    // Absent is a failure for git, and fine.
    try_git({.words = {"config", "--unset", "remote.origin.url"}, .repository = repository});
  }
}

void borrow_objects(const GitCheckout& checkout, const fs::path& repository) {
  std::string lines;
  std::vector<fs::path> folders = checkout.objects;
  folders.push_back(checkout.repository / "objects");
  for (const fs::path& folder : folders) {
    const std::string path = fs::absolute(folder).lexically_normal().string();
    if (path.find('\n') != std::string::npos) {
      throw Error(Errc::invalid, "git can't read a repository whose path has a line break",
                  "move the data root");
    }
    lines += path + "\n";
  }
  const Fd file =
      open_file(repository / "objects/info/alternates", O_WRONLY | O_CREAT | O_TRUNC, 0600);
  write_all(file.get(), lines);
}

}  // namespace

CheckedOut check_out(const GitCheckout& checkout, const fs::path& scratch, std::stop_token stop) {
  if (!is_object_id(checkout.commit)) {
    throw Error(Errc::invalid,
                "\"" + shorten(printable(checkout.commit), 80) + "\" is no commit's id");
  }
  const fs::path repository = scratch / "git";
  CheckedOut result{.folder = scratch / "source",
                    .facts = {.sha = checkout.commit, .clean = true},
                    .submodules = 0};
  if (!fs::exists(repository)) {
    make_folders(result.folder);
    make_scratch_repository(checkout, repository);
  }
  borrow_objects(checkout, repository);
  set_origin(checkout, repository);
  // --no-walk: of a shallow repository's last commit there is no parent to be looked at.
  const process::Captured subject =
      try_git({.words = {"log", "--no-walk", "--no-color", "--encoding=UTF-8", "--format=%s",
                         checkout.commit + "^{commit}", "--"},
               .repository = repository},
              stop);
  if (!subject.status.ok()) {
    throw Error(Errc::not_found, "there is no commit " + checkout.commit + " in " +
                                     checkout.repository.string() + ": " +
                                     reason_of_git(subject.err));
  }
  result.facts.subject = trim(subject.out);
  run_git({.words = {"read-tree", "--reset", "-u", checkout.commit},
           .repository = repository,
           .work_tree = result.folder},
          stop);
  result.submodules = fetch_submodules(checkout, repository, result.folder, stop);
  return result;
}

}  // namespace cooper::source
