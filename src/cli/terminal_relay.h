#pragma once
// Lends the caller's terminal to a program that runs on a pseudo terminal.

#include "build/command_streams.h"

#include <csignal>
#include <optional>
#include <string>
#include <termios.h>
#include <thread>

namespace cooper::cli {

/// Makes a pseudo terminal like ours (settings, size), and between begin() and the
/// end of its life passes on keys and the window's size, with our terminal raw:
/// each key, Ctrl-C too, is the program's. What the program prints comes by another
/// way (the log). Our terminal is as it was when this is gone. While we are a job in
/// the background, the terminal is another's: it is neither read nor changed.
///
/// Where our standard input is no terminal, its bytes are passed on as keys, and its
/// end as Ctrl-D. Make it before other threads run. Throws Error.
class TerminalRelay {
 public:
  TerminalRelay();
  ~TerminalRelay();
  TerminalRelay(const TerminalRelay&) = delete;
  TerminalRelay& operator=(const TerminalRelay&) = delete;

  /// Both ends for the program and its supervisor. Call it once.
  build::CommandStreams take_streams();
  void begin();

 private:
  void relay() noexcept;
  void take_signal() noexcept;
  void read_keys() noexcept;
  void send_keys() noexcept;
  bool in_background() const noexcept;
  void make_raw() noexcept;
  void pass_size_on() noexcept;

  std::optional<termios> before_;  // of our terminal; absent if standard input is none
  sigset_t mask_before_{};
  build::CommandStreams streams_;
  Fd master_;         // our copy
  Fd signals_;        // SIGWINCH, SIGCONT
  Fd end_;            // eventfd: the thread may go
  bool raw_ = false;  // our terminal, by us
  bool was_raw_ = false;
  bool input_open_ = true;
  bool at_line_start_ = true;  // of what was read
  std::string keys_;           // read, not yet sent
  std::thread thread_;
};

}  // namespace cooper::cli
