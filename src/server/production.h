#pragma once
// An answer's body that a worker writes while it is sent.

#include "base/error.h"
#include "base/fd.h"
#include "server/quota.h"
#include "server/request.h"
#include "server/services.h"
#include "server/stream.h"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>

namespace cooper::server {

/// Runs the producer on a sender; what it writes is read here, on the loop. Gone with this
/// object, it finds nobody at the other end of its pipe.
class Production {
 public:
  /// `place` is kept until the producer has ended. Throws Error{unavailable} if no worker takes it.
  Production(Loop& loop, Producer producer, Quota::Place place);
  ~Production() { stop_.request_stop(); }
  Production(const Production&) = delete;
  Production& operator=(const Production&) = delete;

  /// The next part, empty at the end. Throws what the producer threw, as an Error, once all that it
  /// wrote before has been read.
  Task<std::string> next();

  /// Nobody will read the rest: the producer finds nobody at the other end, and next() throws.
  void abandon();

 private:
  struct Result {
    std::mutex mutex;
    std::optional<Error> failure;
  };
  std::stop_source stop_;
  std::shared_ptr<Result> result_ = std::make_shared<Result>();  // shared with the worker
  boost::asio::posix::stream_descriptor pipe_;
};

}  // namespace cooper::server
