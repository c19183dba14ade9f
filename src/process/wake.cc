#include "process/wake.h"

#include "base/error.h"

#include <cstdint>
#include <sys/eventfd.h>
#include <unistd.h>

namespace cooper::process {

namespace {

Fd make_eventfd() {
  Fd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd) throw_errno("eventfd");
  return fd;
}

}  // namespace

void StopWake::Wake::operator()() const noexcept {
  const std::uint64_t one = 1;
  // Can only fail if the counter is full, and then it is readable already.
  [[maybe_unused]] const ssize_t n = ::write(fd, &one, sizeof one);
}

StopWake::StopWake(std::stop_token stop)
    : fd_(make_eventfd()), callback_(std::move(stop), Wake{fd_.get()}) {}

}  // namespace cooper::process
