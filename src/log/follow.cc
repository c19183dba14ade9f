#include "log/follow.h"

#include "base/error.h"
#include "base/fd.h"
#include "process/wake.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <poll.h>
#include <string>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace cooper::log {

namespace {

constexpr std::size_t kChunkBytes = std::size_t{128} << 10;
constexpr int kLookAgainMs = 1000;         // a safety net, for file systems without events
constexpr int kLookAgainUnwatchedMs = 50;  // nothing else tells us

// inotify on one log and the record beside it.
class Watch {
 public:
  explicit Watch(const std::filesystem::path& log)
      : log_(log),
        log_name_(log.filename()),
        record_name_(std::filesystem::path(log).replace_extension(".json").filename()),
        inotify_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    const std::filesystem::path folder = log.has_parent_path() ? log.parent_path() : ".";
    folder_ = add(folder, IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE);
    watch_log();
  }

  /// Whether waiting on fd() is enough.
  bool complete() const noexcept { return folder_ >= 0 && file_ >= 0; }
  int fd() const noexcept { return inotify_.get(); }

  /// Can be repeated: the log may appear later.
  void watch_log() {
    if (file_ < 0) file_ = add(log_, IN_MODIFY | IN_DONT_FOLLOW);
  }

  /// Takes the waiting events; true if one of them concerns the record.
  bool take_events();

 private:
  int add(const std::filesystem::path& path, std::uint32_t mask) {
    return inotify_ ? ::inotify_add_watch(inotify_.get(), path.c_str(), mask) : -1;
  }

  std::filesystem::path log_;
  std::string log_name_;
  std::string record_name_;
  Fd inotify_;
  int folder_ = -1;
  int file_ = -1;
};

bool Watch::take_events() {
  bool record = false;
  alignas(inotify_event) std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t n = read_some(inotify_.get(), buffer);
    if (n <= 0) break;
    for (std::size_t at = 0; at < static_cast<std::size_t>(n);) {
      inotify_event event;
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* name = buffer.data() + at + sizeof event;
      // A full queue has lost events: ask for everything.
      if ((event.mask & IN_Q_OVERFLOW) != 0) record = true;
      if (event.wd == folder_ && event.len > 0 && record_name_ == name) record = true;
      if (event.wd == folder_ && event.len > 0 && log_name_ == name) watch_log();
      at += sizeof event + event.len;
    }
  }
  return record;
}

// Reads the log from an offset on, once it exists.
class Reader {
 public:
  Reader(std::filesystem::path log, std::uint64_t from) : log_(std::move(log)), from_(from) {}

  /// Delivers up to the present end; `offset` is moved on after each delivery.
  void deliver_to_end(const std::function<void(std::string_view)>& deliver, std::uint64_t& offset,
                      const std::stop_token& stop) {
    if (!file_ && !open()) return;
    while (!stop.stop_requested()) {
      const ssize_t n =
          ::pread(file_.get(), buffer_.get(), kChunkBytes, static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw_errno("read " + log_.string());
      if (n == 0) return;
      deliver({buffer_.get(), static_cast<std::size_t>(n)});
      offset += static_cast<std::uint64_t>(n);
    }
  }

  /// The writer makes a log that somebody removed again, with the same bytes at the same
  /// place. True if it did, and there is another file to read now.
  bool reopen_if_removed(std::uint64_t offset) {
    struct stat info {};
    if (!file_ || ::fstat(file_.get(), &info) != 0 || info.st_nlink != 0) return false;
    Fd again = find_regular_file(log_, O_RDONLY);
    if (!again || ::fstat(again.get(), &info) != 0) return false;
    if (static_cast<std::uint64_t>(info.st_size) < offset) return false;  // another's
    file_ = std::move(again);
    return true;
  }

 private:
  bool open() {
    file_ = find_regular_file(log_, O_RDONLY);
    if (!file_) return false;
    struct stat info {};
    if (::fstat(file_.get(), &info) != 0) throw_errno("stat " + log_.string());
    if (from_ > static_cast<std::uint64_t>(info.st_size))
      throw Error(Errc::invalid, "offset " + std::to_string(from_) + " is beyond the end of " +
                                     log_.string() + " (" + std::to_string(info.st_size) +
                                     " bytes)");
    return true;
  }

  std::filesystem::path log_;
  std::uint64_t from_;
  Fd file_;
  std::unique_ptr<char[]> buffer_{new char[kChunkBytes]};
};

}  // namespace

Follower::Follower(std::filesystem::path log, FollowOptions options,
                   std::function<FollowState()> state)
    : log_(std::move(log)), state_(std::move(state)), offset_(options.from) {}

std::uint64_t Follower::run(const std::function<void(std::string_view)>& deliver,
                            std::stop_token stop) {
  const process::StopWake wake(stop);
  Watch watch(log_);  // before the first look, so that no change falls between
  Reader reader(log_, offset_);
  bool ask = true;
  while (!stop.stop_requested()) {
    // First the state, then the bytes: what is in the file once it has ended is all.
    const bool ended = ask && state_() == FollowState::ended;
    reader.deliver_to_end(deliver, offset_, stop);
    if (ended) {
      if (reader.reopen_if_removed(offset_)) reader.deliver_to_end(deliver, offset_, stop);
      break;
    }

    std::array<pollfd, 2> polled{pollfd{watch.fd(), POLLIN, 0}, pollfd{wake.fd(), POLLIN, 0}};
    const int timeout = watch.complete() ? kLookAgainMs : kLookAgainUnwatchedMs;
    const int ready = ::poll(polled.data(), polled.size(), timeout);
    if (ready < 0 && errno != EINTR) throw_errno("poll");
    ask = ready == 0;
    if (ready <= 0) {
      watch.watch_log();
      continue;
    }
    if (polled[0].revents != 0 && watch.take_events()) ask = true;
  }
  return offset_;
}

std::uint64_t tail_offset(const std::filesystem::path& log, std::uint64_t lines) {
  const Fd file = find_regular_file(log, O_RDONLY);
  if (!file) throw Error(Errc::not_found, "there is no " + log.string());
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) throw_errno("stat " + log.string());
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (lines == 0) return size;
  const std::unique_ptr<char[]> block(new char[kChunkBytes]);
  std::uint64_t begin = size;
  while (begin > 0) {
    const std::uint64_t end = begin;
    const std::size_t length = static_cast<std::size_t>(std::min<std::uint64_t>(end, kChunkBytes));
    begin = end - length;
    const ssize_t n = ::pread(file.get(), block.get(), length, static_cast<off_t>(begin));
    if (n < 0) throw_errno("read " + log.string());
    std::string_view text(block.get(), static_cast<std::size_t>(n));
    // The newline at the very end closes the last line; it begins none.
    if (end == size && text.ends_with('\n')) text.remove_suffix(1);
    for (std::size_t at = text.rfind('\n'); at != std::string_view::npos;
         at = text.substr(0, at).rfind('\n'))
      if (--lines == 0) return begin + at + 1;
  }
  return 0;
}

}  // namespace cooper::log
