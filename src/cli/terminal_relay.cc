#include "cli/terminal_relay.h"

#include "base/error.h"
#include "process/pty.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <utility>

namespace cooper::cli {

namespace {

constexpr char kEndOfInput = 4;  // Ctrl-D, as terminals have it
constexpr int kLookForTerminalMs = 100;

/// The size of the first of our standard streams that is a terminal.
winsize window_size() {
  winsize size{};
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col != 0) return size;
  }
  return {.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
}

sigset_t relayed_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGWINCH);
  ::sigaddset(&set, SIGCONT);
  return set;
}

/// tcsetattr(3) from the background would halt us.
void set_terminal(const termios& settings) noexcept {
  sigset_t output;
  sigset_t before;
  ::sigemptyset(&output);
  ::sigaddset(&output, SIGTTOU);
  ::pthread_sigmask(SIG_BLOCK, &output, &before);
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &settings);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

/// A read that comes too late, when the terminal is another's already, fails instead.
void block_halt_by_terminal() noexcept {
  sigset_t input;
  ::sigemptyset(&input);
  ::sigaddset(&input, SIGTTIN);
  ::pthread_sigmask(SIG_BLOCK, &input, nullptr);
}

}  // namespace

TerminalRelay::TerminalRelay() {
  termios ours{};
  if (::tcgetattr(STDIN_FILENO, &ours) == 0) before_ = ours;
  process::Pty pty = process::make_pty(window_size());
  if (before_) ::tcsetattr(pty.terminal.get(), TCSANOW, &ours);
  master_ = Fd(::fcntl(pty.master.get(), F_DUPFD_CLOEXEC, 0));
  // Its status is that of the supervisor's copy, too, which reads only what is there.
  if (!master_ || ::fcntl(master_.get(), F_SETFL, O_RDWR | O_NONBLOCK) != 0) {
    throw_errno("share a pseudo terminal");
  }
  streams_.master = std::move(pty.master);
  streams_.terminal = std::move(pty.terminal);
  const sigset_t signals = relayed_signals();
  signals_ = Fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  end_ = Fd(::eventfd(0, EFD_CLOEXEC));
  if (!signals_ || !end_) throw_errno("relay a terminal");
  ::pthread_sigmask(SIG_BLOCK, &signals, &mask_before_);
}

TerminalRelay::~TerminalRelay() {
  if (thread_.joinable()) {
    const std::uint64_t one = 1;
    // Can't fail: the counter is far from full.
    [[maybe_unused]] const ssize_t written = ::write(end_.get(), &one, sizeof one);
    thread_.join();
    if (raw_ && !in_background()) set_terminal(*before_);
  }
  ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

build::CommandStreams TerminalRelay::take_streams() { return std::move(streams_); }

void TerminalRelay::begin() {
  pass_size_on();  // it may have changed while we waited for our turn
  make_raw();
  thread_ = std::thread([this] { relay(); });
}

/// A terminal that is not the one that controls us has no foreground of ours.
bool TerminalRelay::in_background() const noexcept {
  if (!before_) return false;
  const pid_t foreground = ::tcgetpgrp(STDIN_FILENO);
  return foreground >= 0 && foreground != ::getpgrp();
}

void TerminalRelay::make_raw() noexcept {
  raw_ = before_ && !in_background();
  if (!raw_) return;
  // In the background we have seen the settings of whoever had the terminal then.
  if (!was_raw_) ::tcgetattr(STDIN_FILENO, &*before_);
  was_raw_ = true;
  termios raw = *before_;
  ::cfmakeraw(&raw);
  set_terminal(raw);
}

void TerminalRelay::pass_size_on() noexcept {
  const winsize size = window_size();
  ::ioctl(master_.get(), TIOCSWINSZ, &size);
}

void TerminalRelay::take_signal() noexcept {
  signalfd_siginfo info{};
  if (::read(signals_.get(), &info, sizeof info) != sizeof info) return;
  // Whoever let us go on (a shell's `fg`) has set the terminal as it likes it.
  if (info.ssi_signo == SIGCONT) raw_ = false;
  pass_size_on();
}

void TerminalRelay::read_keys() noexcept {
  std::array<char, 4096> buffer{};
  const ssize_t n = ::read(STDIN_FILENO, buffer.data(), buffer.size());
  if (n > 0) {
    keys_.append(buffer.data(), static_cast<std::size_t>(n));
    at_line_start_ = keys_.ends_with('\n') || keys_.ends_with('\r') || keys_.ends_with(kEndOfInput);
  } else if (n == 0 || (errno != EINTR && errno != EAGAIN && !in_background())) {
    input_open_ = false;
    // Behind an unfinished line the first one only delivers that.
    if (!before_) keys_.append(at_line_start_ ? 1 : 2, kEndOfInput);
  }
}

void TerminalRelay::send_keys() noexcept {
  const ssize_t n = ::write(master_.get(), keys_.data(), keys_.size());
  if (n > 0) {
    keys_.erase(0, static_cast<std::size_t>(n));
  } else if (errno != EINTR && errno != EAGAIN) {
    keys_.clear();  // nobody is there to read them
    input_open_ = false;
  }
}

void TerminalRelay::relay() noexcept {
  block_halt_by_terminal();
  for (;;) {
    // A shell's `fg` gives us the terminal without a signal if we run already.
    const bool away = in_background();
    if (before_ && !away && !raw_) make_raw();
    // Keys are read only when the program has taken those before.
    std::array<pollfd, 4> wait = {
        pollfd{end_.get(), POLLIN, 0}, pollfd{signals_.get(), POLLIN, 0},
        pollfd{input_open_ && !away && keys_.empty() ? STDIN_FILENO : -1, POLLIN, 0},
        pollfd{keys_.empty() ? -1 : master_.get(), POLLOUT, 0}};
    if (::poll(wait.data(), wait.size(), away ? kLookForTerminalMs : -1) < 0) continue;
    if (wait[0].revents != 0) return;
    if (wait[1].revents != 0) take_signal();
    if (wait[2].revents != 0 && !in_background()) read_keys();
    if (wait[3].revents != 0) send_keys();
  }
}

}  // namespace cooper::cli
