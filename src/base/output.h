#pragma once
// A standard stream as a command sees it.

#include <string_view>

namespace cooper {

/// One borrowed descriptor to write to. A write never throws and never gives
/// up halfway for a short write, a signal or a full pipe: a reader that has
/// gone closes the stream instead, and what comes later is dropped.
class Output {
 public:
  explicit Output(int fd) noexcept : fd_(fd) {}
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void write(std::string_view bytes) noexcept;

  /// Nobody reads any more, or the disk is full: see failure().
  bool closed() const noexcept { return failure_ != 0; }
  /// errno of the write that closed the stream; 0 while it is open.
  int failure() const noexcept { return failure_; }

  bool is_terminal() const noexcept;
  /// Width of the terminal; 0 if there is none or it does not say.
  unsigned columns() const noexcept;

 private:
  int fd_;
  int failure_ = 0;
};

}  // namespace cooper
