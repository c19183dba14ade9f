#include "rack/kept_checkout.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/owner.h"

#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace cooper::rack {
namespace fs = std::filesystem;

KeptCheckout::KeptCheckout(fs::path repository, const fs::path& scratch)
    : repository_(std::move(repository)),
      kept_(repository_ / "cooper-checkout"),
      place_(scratch / "checkout") {}

/// On what it depends, besides the commit, what git writes: how attributes have files changed on
/// the way. And this run of the system: what a power cut has not brought to the disk, no file's
/// time tells.
std::string KeptCheckout::state() const {
  return read_file("/proc/sys/kernel/random/boot_id").value_or("") +
         source::run_git({.words = {"ls-files", "--stage", "--", ":(glob)**/.gitattributes"},
                          .repository = place_ / "git",
                          .work_tree = place_ / "source"});
}

source::CheckedOut KeptCheckout::open(const source::GitCheckout& checkout, std::stop_token stop) {
  if (::rename(kept_.c_str(), place_.c_str()) == 0) {
    try {
      source::CheckedOut files = source::check_out(checkout, place_, stop);
      if (read_file(place_ / "state") == state()) return files;
    } catch (const Error& error) {  // adapter: a whole new checkout will do, or tell why not
      if (error.code() == Errc::canceled) throw;
    }
    remove_tree(place_);
  }
  make_folders(place_, 0700);
  return source::check_out(checkout, place_, std::move(stop));
}

bool KeptCheckout::may_be_kept() const {
  struct stat info {};
  if (::lstat((place_ / "source/.gitmodules").c_str(), &info) == 0) return false;
  const auto owner = owner_of(open_file(repository_, O_RDONLY | O_DIRECTORY));
  return owner && owner->user == ::geteuid();
}

void KeptCheckout::keep() {
  try {
    if (!may_be_kept()) return;
    write_file_durably(place_ / "state", state(), 0600);
    // Another one may have left his meanwhile: then ours goes with the scratch folder.
    [[maybe_unused]] const int ignored = ::rename(place_.c_str(), kept_.c_str());
  } catch (const Error&) {  // boundary: the next build writes all files, no more than that
  }
}

}  // namespace cooper::rack
