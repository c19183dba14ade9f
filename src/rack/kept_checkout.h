#pragma once
// The files of a commit, of which the next one has most.

#include "source/git_checkout.h"

#include <filesystem>
#include <stop_token>

namespace cooper::rack {

/// Writing ten thousand files takes seconds, and most of them are those of the commit before. So
/// the checkout is kept in its repository from build to build (`cooper-checkout`, which may be
/// deleted at any time). Whoever uses it moves it into his scratch folder, so it never has two
/// users, and what a crash leaves goes with that folder. Not kept are one with submodules, and one
/// of root's in somebody else's repository.
class KeptCheckout {
 public:
  KeptCheckout(std::filesystem::path repository, const std::filesystem::path& scratch);

  /// As source::check_out, whatever was kept.
  source::CheckedOut open(const source::GitCheckout& checkout, std::stop_token stop);

  /// Nobody reads the files any more: leaves them to the next one.
  void keep();

 private:
  std::string state() const;
  bool may_be_kept() const;

  std::filesystem::path repository_;
  std::filesystem::path kept_;   ///< where it lies between builds
  std::filesystem::path place_;  ///< where it lies now
};

}  // namespace cooper::rack
