#include "log/log_file.h"

#include "base/error.h"
#include "base/owner.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <span>
#include <string>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utility>

namespace cooper::log {

namespace {

// The "writer" of plain appends. An open line whose end nobody knows how to
// continue belongs to the LogFile itself.
constexpr char kPlain = 0;

// Space is reserved by so much at a time, once a log is this large. Writing
// into it costs half the processor time of letting the file system look for
// each block (docs/performance.md).
constexpr std::uint64_t kReserve = std::uint64_t{16} << 20;

constexpr std::size_t kCopyBytes = std::size_t{128} << 10;

struct stat status_of(const Fd& fd, const std::filesystem::path& path) {
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) throw_errno("stat " + path.string());
  return info;
}

iovec piece(std::string_view bytes) {
  return {const_cast<char*>(bytes.data()), bytes.size()};  // writev(2) only reads it
}

}  // namespace

LogFile::LogFile(std::filesystem::path path, Fd fd, std::uint64_t size, char last_byte,
                 LogLimit limit, mode_t mode)
    : path_(std::move(path)),
      fd_(std::move(fd)),
      folder_(path_),
      size_(size),
      limit_(std::move(limit)),
      mode_(mode),
      open_line_of_(last_byte == '\n' ? nullptr : this) {}

LogFile LogFile::create(const std::filesystem::path& path, mode_t mode, LogLimit limit) {
  Fd fd = open_file(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND, mode);
  return LogFile(path, std::move(fd), 0, '\n', std::move(limit), mode);
}

LogFile LogFile::open_existing(const std::filesystem::path& path, TailFiles tail_files) {
  return go_on(path, {.tail_files = std::move(tail_files)});
}

LogFile LogFile::go_on(const std::filesystem::path& path, LogLimit limit) {
  Fd fd = find_regular_file(path, O_RDWR | O_APPEND);
  if (!fd) throw Error(Errc::not_found, "there is no " + path.string());
  const struct stat info = status_of(fd, path);
  const auto size = static_cast<std::uint64_t>(info.st_size);
  char last = '\n';
  if (size > 0 && ::pread(fd.get(), &last, 1, static_cast<off_t>(size - 1)) < 0)
    throw_errno("read " + path.string());
  return LogFile(path, std::move(fd), size, last, std::move(limit), info.st_mode & 07777);
}

std::uint64_t LogFile::append(std::string_view bytes) {
  return append_for(&kPlain, {}, bytes, Start::line);
}

std::uint64_t LogFile::append_for(const void* writer, std::string_view prefix,
                                  std::string_view text, Start start) {
  const std::lock_guard lock(mutex_);
  const bool goes_on = open_line_of_ == writer;
  if (!goes_on && start == Start::continuation && !prefix.empty() && text.starts_with('\n'))
    text.remove_prefix(1);
  if (text.empty()) return size();
  const bool ends_other_line = open_line_of_ != nullptr && !goes_on;
  put(ends_other_line ? "\n" : "", goes_on ? std::string_view() : prefix, text);
  open_line_of_ = text.back() == '\n' ? nullptr : writer;
  return size();
}

void LogFile::end_line_of(const void* writer) {
  const std::lock_guard lock(mutex_);
  if (open_line_of_ != writer) return;
  put("\n", {}, {});
  open_line_of_ = nullptr;
}

void LogFile::put(std::string_view newline, std::string_view prefix, std::string_view text) {
  if (copy_ != nullptr) {
    for (const std::string_view part : {newline, prefix, text}) copy_->write(part);
  }
  const std::size_t bytes = newline.size() + prefix.size() + text.size();
  if (!tail_ && limit_.bytes != 0 && size() + bytes > limit_.bytes / 2) {
    begin_tail();
    newline = {};  // no line is open any more
  }
  if (!tail_) return write_pieces(newline, prefix, text);
  for (const std::string_view part : {newline, prefix, text}) tail_->append(part, folder_, fd_);
}

void LogFile::copy_to(SyslogCopy* copy) {
  const std::lock_guard lock(mutex_);
  copy_ = copy;
}

void LogFile::begin_tail() {
  const std::uint64_t part = std::max<std::uint64_t>(limit_.bytes / 4, 1);
  write_pieces(open_line_of_ != nullptr ? "\n" : "",
               "[cooper] log limit of " + human_bytes(limit_.bytes) + " reached: the newest " +
                   human_bytes(part) + " or more follow when the build has ended\n",
               {});
  tail_.emplace(limit_.tail_files, part, mode_, size());
}

void LogFile::finish() {
  const std::lock_guard lock(mutex_);
  restore_if_removed();
  limit_.bytes = 0;
  tail_.reset();
  try {
    if (!limit_.tail_files[0].empty()) join_tail(fd_, folder_.find(fd_), limit_.tail_files);
  } catch (const Error&) {  // adapter: a part of it may be there
    look_at_end();
    throw;
  }
  look_at_end();
}

void LogFile::look_at_end() {
  const auto size = static_cast<std::uint64_t>(status_of(fd_, path_).st_size);
  char last = '\n';
  if (size > 0 && ::pread(fd_.get(), &last, 1, static_cast<off_t>(size - 1)) < 0)
    throw_errno("read " + path_.string());
  if (size != this->size()) open_line_of_ = last == '\n' ? nullptr : this;
  size_.store(size, std::memory_order_release);
}

// Someone's clean-up must not cost the log of a build that still wrote it.
void LogFile::restore_if_removed() {
  if (status_of(fd_, path_).st_nlink != 0) return;
  Fd restored(::openat(folder_.find(fd_).get(), path_.filename().c_str(),
                       O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, mode_));
  if (!restored && errno == EEXIST) return;  // another's now
  if (!restored) throw_errno("make " + path_.string() + " again");
  give_to_owner_of(folder_.find(fd_), restored);
  const std::unique_ptr<char[]> buffer(new char[kCopyBytes]);
  off_t at = 0;
  while (const ssize_t n = ::pread(fd_.get(), buffer.get(), kCopyBytes, at)) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno("read the removed " + path_.string());
    write_all(restored.get(), {buffer.get(), static_cast<std::size_t>(n)});
    at += n;
  }
  fd_ = std::move(restored);
}

// Best effort: on a full disk, or where nothing can be reserved, the write itself tells.
void LogFile::reserve_ahead() noexcept {
  if (size() < kReserve || size() + kReserve / 4 < reserved_) return;
  ::fallocate(fd_.get(), FALLOC_FL_KEEP_SIZE, static_cast<off_t>(size()), kReserve);
  reserved_ = size() + kReserve;
}

void LogFile::write_pieces(std::string_view newline, std::string_view prefix,
                           std::string_view text) {
  reserve_ahead();
  std::array<iovec, 3> pieces{piece(newline), piece(prefix), piece(text)};
  std::span<iovec> left(pieces);
  for (;;) {
    while (!left.empty() && left.front().iov_len == 0) left = left.subspan(1);
    if (left.empty()) return;
    const ssize_t written = ::writev(fd_.get(), left.data(), static_cast<int>(left.size()));
    if (written < 0) {
      if (errno == EINTR) continue;
      const int error_number = errno;
      // How the file now ends is unknown: whoever comes next starts a new line.
      open_line_of_ = size() == 0 ? nullptr : this;
      throw_errno(error_number, "write " + path_.string());
    }
    size_.fetch_add(static_cast<std::uint64_t>(written), std::memory_order_release);
    auto rest = static_cast<std::size_t>(written);
    for (iovec& part : left) {
      const std::size_t done = std::min(rest, part.iov_len);
      part.iov_base = static_cast<char*>(part.iov_base) + done;
      part.iov_len -= done;
      rest -= done;
    }
  }
}

void LogFile::sync() {
  const struct stat info = status_of(fd_, path_);
  // Also what a writer that was killed had reserved. Cutting at the end cuts no byte.
  const auto allocated = static_cast<std::uint64_t>(info.st_blocks) * 512;
  if (allocated > static_cast<std::uint64_t>(info.st_size) + kReserve / 8) {
    if (::ftruncate(fd_.get(), info.st_size) != 0) throw_errno("truncate " + path_.string());
    reserved_ = 0;
  }
  if (::fsync(fd_.get()) != 0) throw_errno("fsync " + path_.string());
}

}  // namespace cooper::log
