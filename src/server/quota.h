#pragma once
// How many of something there may be at once: in all, and of one client.

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace cooper::server {

/// Safe to use from several threads at once. Must outlive its places.
class Quota {
 public:
  Quota(std::size_t most, std::size_t most_of_one) : most_(most), most_of_one_(most_of_one) {}
  Quota(const Quota&) = delete;
  Quota& operator=(const Quota&) = delete;

  struct GiveBack {
    std::string whose;
    void operator()(Quota* quota) const noexcept { quota->give_back(whose); }
  };
  /// One of the places; free again once it is gone.
  using Place = std::unique_ptr<Quota, GiveBack>;
  /// Null: there is none left, or none for them.
  Place take(const std::string& whose);

 private:
  void give_back(const std::string& whose) noexcept;

  const std::size_t most_;
  const std::size_t most_of_one_;
  std::mutex mutex_;  // guards what follows
  std::size_t taken_ = 0;
  std::map<std::string, std::size_t> by_owner_;
};

}  // namespace cooper::server
