#include "server/quota.h"

namespace cooper::server {

Quota::Place Quota::take(const std::string& whose) {
  const std::lock_guard lock(mutex_);
  if (taken_ >= most_) return nullptr;
  std::size_t& of_one = by_owner_[whose];
  if (of_one >= most_of_one_) return nullptr;
  Place place(this, [this, whose](const void*) { give_back(whose); });
  ++of_one;
  ++taken_;
  return place;
}

void Quota::give_back(const std::string& whose) {
  const std::lock_guard lock(mutex_);
  --taken_;
  const auto found = by_owner_.find(whose);
  if (--found->second == 0) by_owner_.erase(found);
}

}  // namespace cooper::server
