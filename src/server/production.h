#pragma once
// An answer's body that a worker writes while it is sent.

#include "base/fd.h"
#include "server/request.h"
#include "server/services.h"
#include "server/stream.h"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <stop_token>

namespace cooper::server {

/// Runs the producer on a slow worker; what it writes is read here, on the loop. Gone with this
/// object, it finds nobody at the other end of its pipe.
class Production {
 public:
  /// Throws Error{unavailable} if no worker takes it.
  Production(Loop& loop, Producer producer);
  ~Production() { stop_.request_stop(); }
  Production(const Production&) = delete;
  Production& operator=(const Production&) = delete;

  /// The next part, empty at the end. Throws what the producer threw, once all that it wrote
  /// before has been read.
  Task<std::string> next();

  /// Nobody will read the rest: the producer finds nobody at the other end, and next() throws.
  void abandon();

 private:
  struct Result {
    std::mutex mutex;
    std::exception_ptr failure;
  };
  std::stop_source stop_;
  std::shared_ptr<Result> result_ = std::make_shared<Result>();  // shared with the worker
  boost::asio::posix::stream_descriptor pipe_;
};

}  // namespace cooper::server
