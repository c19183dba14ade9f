#include "server/workers.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <memory>

namespace cooper::server {
namespace asio = boost::asio;

Task<void> Workers::run(std::function<void()> work) {
  const auto begin = [this](auto handler, std::function<void()> job) {
    // Shared, as std::function copies: the handler itself can only be moved.
    auto done = std::make_shared<decltype(handler)>(std::move(handler));
    auto guard = asio::make_work_guard(asio::get_associated_executor(*done));
    const auto finish = [done, guard](std::exception_ptr failure) {
      asio::post(guard.get_executor(), [done, failure] { std::move (*done)(failure); });
    };
    const bool taken = post([job = std::move(job), finish] {
      std::exception_ptr failure;
      try {
        job();
      } catch (...) {  // boundary: a worker; whoever waits gets it
        failure = std::current_exception();
      }
      finish(failure);
    });
    if (taken) return;
    finish(std::make_exception_ptr(
        Error(Errc::unavailable, "the server has too much to do", "try again in a moment")));
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(std::exception_ptr)>(
      begin, asio::use_awaitable, std::move(work));
}

bool Workers::post(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  if (ending_ || queue_.size() >= most_waiting_) return false;
  queue_.push_back(std::move(work));
  if (idle_ >= queue_.size()) {
    more_.notify_one();
  } else if (threads_.size() < most_) {
    try {
      threads_.emplace_back([this] { serve(); });
    } catch (const std::exception&) {  // adapter: the host has no thread left for us
      // Those that we have do it; without any, nobody would.
      if (threads_.empty()) {
        queue_.pop_back();
        return false;
      }
    }
  }
  return true;
}

void Workers::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    more_.wait(lock, [this] { return ending_ || !queue_.empty(); });
    --idle_;
    if (queue_.empty()) return;
    const std::function<void()> work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work();
    lock.lock();
  }
}

void Workers::join() {
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    threads.swap(threads_);
  }
  more_.notify_all();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace cooper::server
