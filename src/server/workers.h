#pragma once
// Threads for what blocks. They take values and give values; sessions wait for them without one.

#include "base/error.h"
#include "server/task.h"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace cooper::server {

/// A bounded number of threads, begun as they are needed, and a bounded queue before them.
class Workers {
 public:
  Workers(std::size_t threads, std::size_t waiting) : most_(threads), most_waiting_(waiting) {}
  ~Workers() { join(); }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// Runs `work` on a worker, and comes back to the caller's executor; rethrows what it threw.
  /// Error{unavailable}, at once, while the queue is full, or no thread can be had.
  Task<void> run(std::function<void()> work);

  /// Runs `work` without anybody who waits. False if the queue is full, or no thread can be had:
  /// then `work` is gone.
  bool post(std::function<void()> work);

  /// What has been taken or waits is done; then no thread is left. Nothing is taken any more.
  void join();

 private:
  void serve();

  const std::size_t most_;
  const std::size_t most_waiting_;
  std::mutex mutex_;  // guards all that follows
  std::condition_variable more_;
  std::deque<std::function<void()>> queue_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool ending_ = false;
};

/// What `work` returns, from a worker. What it refers to must outlive it: locals of a coroutine
/// that waits here do.
template <class Work>
Task<std::invoke_result_t<Work&>> call(Workers& workers, Work work) {
  std::optional<std::invoke_result_t<Work&>> result;
  std::function<void()> job = [&result, &work] { result.emplace(work()); };
  co_await workers.run(std::move(job));
  co_return std::move(*result);
}

}  // namespace cooper::server
