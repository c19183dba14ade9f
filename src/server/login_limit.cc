#include "server/login_limit.h"

#include "base/random.h"
#include "base/sha256.h"
#include "server/client_address.h"

#include <algorithm>
#include <cmath>

namespace cooper::server {

template <class Value>
Value* LoginLimit::Recent<Value>::find(const std::string& key) {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : &found->second->second;
}

template <class Value>
Value& LoginLimit::Recent<Value>::touch(const std::string& key) {
  const auto found = by_key_.find(key);
  if (found != by_key_.end()) {
    order_.splice(order_.begin(), order_, found->second);
    return order_.front().second;
  }
  if (by_key_.size() >= most_) {
    by_key_.erase(order_.back().first);
    order_.pop_back();
  }
  order_.emplace_front(key, Value{});
  by_key_.emplace(key, order_.begin());
  return order_.front().second;
}

LoginLimit::LoginLimit() : salt_(random_base36(32)) {}

std::string LoginLimit::key_of_good(const std::string& place, std::string_view secret) const {
  Sha256 hash;
  hash.update(salt_);
  hash.update(place);
  hash.update("\n");
  hash.update(secret);
  const Sha256Digest digest = hash.finish();
  return {digest.begin(), digest.end()};
}

void LoginLimit::refill(Failures& failures, Clock::time_point now) {
  const std::chrono::duration<double> passed = now - failures.as_of;
  const std::chrono::duration<double> each = kEach;
  failures.left = std::min(kBurst, failures.left + std::max(0.0, passed / each));
  failures.as_of = now;
}

std::optional<LoginLimit::Refusal> LoginLimit::refuse(std::string_view address,
                                                      std::string_view secret,
                                                      Clock::time_point now) {
  const std::string place = address_block(address);
  const std::lock_guard lock(mutex_);
  Failures* const failures = failures_.find(place);
  if (!failures) return std::nullopt;
  refill(*failures, now);
  if (failures->left > 1 - 1e-9) {  // who waited as long as he was told has waited long enough
    failures->is_told = false;
    return std::nullopt;
  }
  const Clock::time_point* const good = good_.find(key_of_good(place, secret));
  if (good && now - *good < kRemembered) return std::nullopt;
  const auto wait = std::chrono::ceil<std::chrono::seconds>(std::chrono::duration<double>(kEach) *
                                                            (1 - failures->left));
  return Refusal{.wait = std::max(wait, std::chrono::seconds{1}),
                 .is_first = !std::exchange(failures->is_told, true)};
}

void LoginLimit::failed(std::string_view address, Clock::time_point now) {
  const std::string place = address_block(address);
  const std::lock_guard lock(mutex_);
  const bool is_new = !failures_.find(place);
  Failures& failures = failures_.touch(place);
  if (is_new) failures.as_of = now;
  refill(failures, now);
  failures.left = std::max(0.0, failures.left - 1);
}

void LoginLimit::succeeded(std::string_view address, std::string_view secret,
                           Clock::time_point now) {
  const std::string key = key_of_good(address_block(address), secret);
  const std::lock_guard lock(mutex_);
  good_.touch(key) = now;
}

std::size_t LoginLimit::size() const {
  const std::lock_guard lock(mutex_);
  return failures_.size() + good_.size();
}

}  // namespace cooper::server
