#include "server/quota.h"

#include <utility>

namespace cooper::server {

Quota::Place Quota::take(const std::string& whose) {
  GiveBack give_back{whose};
  const std::lock_guard lock(mutex_);
  if (taken_ >= most_) return {};
  std::size_t& of_one = by_owner_[whose];
  if (of_one >= most_of_one_) return {};
  // From here on nothing throws.
  ++of_one;
  ++taken_;
  return Place(this, std::move(give_back));
}

void Quota::give_back(const std::string& whose) noexcept {
  const std::lock_guard lock(mutex_);
  --taken_;
  const auto found = by_owner_.find(whose);
  if (--found->second == 0) by_owner_.erase(found);
}

}  // namespace cooper::server
