#pragma once
// A stop request as something to poll(2) on.

#include "base/fd.h"

#include <stop_token>

namespace cooper::process {

/// An eventfd that becomes readable when `stop` is requested.
class StopWake {
 public:
  explicit StopWake(std::stop_token stop);
  int fd() const noexcept { return fd_.get(); }

 private:
  struct Wake {
    int fd;
    void operator()() const noexcept;
  };
  Fd fd_;
  std::stop_callback<Wake> callback_;
};

}  // namespace cooper::process
