#pragma once
// How often an address may come with credentials that are not good.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace cooper::server {

/// Ten failed logins at once, then one in six seconds, of an IPv4 address or of all of an IPv6 /64.
/// Beyond that credentials are not even looked at; but those that were good from there within the
/// last day are, so that who shares an address with a guesser works on. Both tables are bounded:
/// what was not used for the longest time goes. Safe to use from several threads at once.
class LoginLimit {
 public:
  using Clock = std::chrono::steady_clock;

  static constexpr double kBurst = 10;
  static constexpr std::chrono::seconds kEach{6};  ///< until one more may fail
  static constexpr std::chrono::hours kRemembered{24};
  static constexpr std::size_t kMostAddresses = 8192;
  static constexpr std::size_t kMostGood = 8192;

  struct Refusal {
    std::chrono::seconds wait;  ///< at least a second
    bool is_first = false;      ///< since the address was let in the last time
  };

  LoginLimit();
  LoginLimit(const LoginLimit&) = delete;
  LoginLimit& operator=(const LoginLimit&) = delete;

  /// nullopt: the credentials may be looked at. `address`: the peer's, without port; `secret`: what
  /// it came with, which is kept as a hash that nobody else can make.
  std::optional<Refusal> refuse(std::string_view address, std::string_view secret,
                                Clock::time_point now);
  /// They were not good.
  void failed(std::string_view address, Clock::time_point now);
  /// They were.
  void succeeded(std::string_view address, std::string_view secret, Clock::time_point now);

  /// How many entries both tables have.
  std::size_t size() const;

 private:
  struct Failures {
    double left = kBurst;  ///< so many may fail, as of `as_of`
    Clock::time_point as_of;
    bool is_told = false;  ///< that it is refused
  };
  /// A bounded map: what was not touched for the longest time goes first.
  template <class Value>
  class Recent {
   public:
    explicit Recent(std::size_t most) : most_(most) {}
    Value* find(const std::string& key);
    Value& touch(const std::string& key);
    std::size_t size() const { return by_key_.size(); }

   private:
    using Order = std::list<std::pair<std::string, Value>>;  // the last one touched first
    std::size_t most_;
    Order order_;
    std::map<std::string, typename Order::iterator, std::less<>> by_key_;
  };

  std::string key_of_good(const std::string& place, std::string_view secret) const;
  static void refill(Failures& failures, Clock::time_point now);

  const std::string salt_;
  mutable std::mutex mutex_;  // guards all that follows
  Recent<Failures> failures_{kMostAddresses};
  Recent<Clock::time_point> good_{kMostGood};  ///< when it was good the last time
};

}  // namespace cooper::server
