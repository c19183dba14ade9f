#include "log/syslog_copy.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace cooper::log {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t kLongestLine = std::size_t{8} << 10;
constexpr auto kLookAgain = 250ms;  // for a daemon that is not there
constexpr auto kPatience = 1s;      // at the end

std::uint64_t lines_in(std::string_view text) {
  const auto ends = static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
  return ends + (text.empty() || text.ends_with('\n') ? 0 : 1);
}

/// `Nov 21 11:05:20`: local time, English, whatever the locale.
std::string timestamp() {
  constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%s %2d %02d:%02d:%02d",
                kMonths[static_cast<std::size_t>(local.tm_mon)], local.tm_mday, local.tm_hour,
                local.tm_min, local.tm_sec);
  return text.data();
}

std::string escaped(std::string_view line) {
  std::string text;
  text.reserve(line.size());
  for (const char c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte >= 0x20 && byte != 0x7F) || c == '\t') {
      text += c;
      continue;
    }
    text += '#';
    for (const int shift : {6, 3, 0}) text += static_cast<char>('0' + (byte >> shift & 7));
  }
  return valid_utf8(text);
}

/// As much of a line as one message takes, not cut within a character.
std::string_view first_part(std::string_view line) {
  if (line.size() <= kLongestLine) return line;
  std::size_t end = kLongestLine;
  while (end > kLongestLine - 4 && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) --end;
  return line.substr(0, end);
}

}  // namespace

SyslogCopy::SyslogCopy(SyslogOptions options)
    : options_(std::move(options)),
      sender_([this](const std::stop_token& stop) { send_all(stop); }) {}

SyslogCopy::~SyslogCopy() { finish(); }

void SyslogCopy::write(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  if (dropping_) {
    const std::size_t newline = bytes.find('\n');
    if (newline == std::string_view::npos) return;  // of a line that is counted already
    bytes.remove_prefix(newline + 1);
    dropping_ = false;
  }
  if (bytes.empty()) return;
  if (queue_.size() + bytes.size() > options_.queue_bytes) {
    // The beginning of the line that is now lost goes too, or is at least not
    // glued to a later line where it is on its way already.
    const std::size_t newline = queue_.rfind('\n');
    queue_.resize(newline == std::string::npos ? queue_.size() : newline + 1);
    if (newline == std::string::npos) queue_ += '\n';
    dropped_ += lines_in(bytes);
    dropping_ = bytes.back() != '\n';
    return;
  }
  queue_ += bytes;
  changed_.notify_one();
}

std::uint64_t SyslogCopy::finish() {
  if (sender_.joinable()) {
    {
      const std::lock_guard lock(mutex_);
      deadline_ = Clock::now() + kPatience;
    }
    sender_.request_stop();
    sender_.join();
  }
  const std::lock_guard lock(mutex_);
  return dropped_ + unsent_;
}

void SyslogCopy::send_all(const std::stop_token& stop) {
  std::string text;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, stop, [this] { return !queue_.empty(); });
      text.clear();
      text.swap(queue_);
    }
    if (text.empty()) break;  // and it is to stop
    send_lines(text);
  }
  if (!partial_.empty() && !send(partial_)) ++unsent_;
}

void SyslogCopy::send_lines(std::string_view text) {
  while (!text.empty()) {
    if (gave_up_) return count_unsent(text);
    const std::size_t newline = text.find('\n');
    partial_ += text.substr(0, newline);
    if (newline == std::string_view::npos && partial_.size() <= kLongestLine) return;
    text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
    std::string_view line = partial_;
    if (newline != std::string_view::npos && line.ends_with('\r')) line.remove_suffix(1);
    do {
      const std::string_view part = first_part(line);
      if (newline == std::string_view::npos && part.size() == line.size()) break;
      if (!send(part)) ++unsent_;
      line.remove_prefix(part.size());
    } while (!line.empty());
    partial_ = newline == std::string_view::npos ? std::string(line) : std::string();
  }
}

void SyslogCopy::count_unsent(std::string_view text) {
  unsent_ += static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
  partial_ = text.substr(text.rfind('\n') + 1);  // without one: all of it
}

/// Until it is sent, or the time is over.
bool SyslogCopy::send(std::string_view line) {
  const std::string message = "<13>" + timestamp() + " " + options_.tag.text() + "[" +
                              std::to_string(::getpid()) + "]: " + escaped(line);
  while (!gave_up_) {
    if (out_of_time()) break;
    if (socket_ || connect()) {
      const ssize_t n =
          ::send(socket_.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n >= 0) return true;
      if (errno == EINTR) continue;
      if (errno == EMSGSIZE) return false;
      if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
        wait_until_writable();
        continue;
      }
      socket_.reset();  // its daemon has ended
      if (connect()) continue;
    }
    // Nobody is there. At the end there is nothing to wait for.
    std::unique_lock lock(mutex_);
    if (deadline_ != Clock::time_point::max()) break;
    changed_.wait_for(lock, sender_.get_stop_token(), kLookAgain, [] { return false; });
  }
  gave_up_ = true;
  return false;
}

bool SyslogCopy::connect() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& path = options_.socket.native();
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.data(), path.size());
  Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return false;
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return false;
  }
  socket_ = std::move(fd);
  return true;
}

void SyslogCopy::wait_until_writable() {
  pollfd waited{socket_.get(), POLLOUT, 0};
  ::poll(&waited, 1, 20);
}

bool SyslogCopy::out_of_time() {
  const std::lock_guard lock(mutex_);
  return Clock::now() > deadline_;
}

}  // namespace cooper::log
