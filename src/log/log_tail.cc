#include "log/log_tail.h"

#include "base/error.h"
#include "base/text.h"

#include <climits>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace cooper::log {

namespace {

constexpr std::string_view kHeader = "cooper-log-tail";
constexpr std::string_view kOurs = "[cooper] ";
constexpr std::string_view kCutEnd = " are cut here\n";
constexpr std::string_view kNothingCut = "[cooper] nothing had to be cut: the rest follows\n";
constexpr std::size_t kChunkBytes = std::size_t{128} << 10;

/// Reads [from, size) in pieces until `take` returns false.
template <class Take>
void read_pieces(const Fd& fd, std::uint64_t from, Take&& take) {
  const std::unique_ptr<char[]> buffer(new char[kChunkBytes]);
  for (;;) {
    const ssize_t n = ::pread(fd.get(), buffer.get(), kChunkBytes, static_cast<off_t>(from));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno("read a part of the log");
    if (n == 0 || !take(std::string_view(buffer.get(), static_cast<std::size_t>(n)))) return;
    from += static_cast<std::uint64_t>(n);
  }
}

/// A tail file as a writer left it.
struct Part {
  Fd fd;
  std::uint64_t begin;  // of what was printed, behind the first line
  std::uint64_t sequence;
  std::uint64_t bytes_before;
  std::uint64_t lines_before;
  std::uint64_t head;
};

/// nullopt: absent, or its writer ended before it had a whole first line.
std::optional<Part> open_part(const Fd& folder, const std::filesystem::path& path) {
  Fd fd(::openat(folder.get(), path.filename().c_str(),
                 O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd && errno == ENOENT) return std::nullopt;
  if (!fd) throw_errno("open " + path.string());
  std::string first;
  read_pieces(fd, 0, [&](std::string_view piece) {
    first = piece.substr(0, 200);
    return false;
  });
  const std::size_t end = first.find('\n');
  if (end == std::string::npos) return std::nullopt;
  const auto words = split(std::string_view(first).substr(0, end), ' ');
  if (words.size() != 5 || words[0] != kHeader) return std::nullopt;
  const auto sequence = parse_number(words[1]);
  const auto bytes = parse_number(words[2]);
  const auto lines = parse_number(words[3]);
  const auto head = parse_number(words[4]);
  if (!sequence || !bytes || !lines || !head) return std::nullopt;
  return Part{.fd = std::move(fd),
              .begin = end + 1,
              .sequence = *sequence,
              .bytes_before = *bytes,
              .lines_before = *lines,
              .head = *head};
}

/// Bytes up to the start of the next line; 0 if there is none.
std::uint64_t rest_of_line(const Part& part) {
  std::uint64_t rest = 0;
  bool found = false;
  read_pieces(part.fd, part.begin, [&](std::string_view piece) {
    const std::size_t newline = piece.find('\n');
    found = newline != std::string_view::npos;
    rest += found ? newline + 1 : piece.size();
    return !found;
  });
  return found ? rest : 0;
}

/// What an earlier call wrote that did not get to its end.
struct Attempt {
  std::uint64_t begin;
  std::uint64_t end;                 ///< of its line; the end of the log if that is not whole
  std::optional<std::uint64_t> cut;  ///< bytes that its line says are cut
};

std::optional<std::uint64_t> bytes_cut(std::string_view line) {
  if (line == kNothingCut) return 0;
  line.remove_prefix(kOurs.size());
  const auto number = parse_number(line.substr(0, line.find(' ')));
  return number ? std::optional<std::uint64_t>(*number) : std::nullopt;
}

/// It is told by its line, which is looked for behind the head only, where no build can
/// have printed it.
std::optional<Attempt> earlier_attempt(const Fd& log, std::uint64_t head) {
  std::optional<Attempt> found;
  std::uint64_t line_begins = head;
  std::string line;
  read_pieces(log, head, [&](std::string_view piece) {
    while (!piece.empty() && !found) {
      const std::size_t newline = piece.find('\n');
      line += piece.substr(0, newline == std::string_view::npos ? newline : newline + 1);
      if (newline == std::string_view::npos) return true;
      piece.remove_prefix(newline + 1);
      const bool ours = line.starts_with(kOurs) && line.ends_with(kCutEnd);
      if (ours || line == kNothingCut) {
        found = Attempt{line_begins, line_begins + line.size(), bytes_cut(line)};
      }
      line_begins += line.size();
      line.clear();
    }
    return !found;
  });
  // Or within its first line.
  if (!found && !line.empty() && line.substr(0, kOurs.size()) == kOurs.substr(0, line.size())) {
    found = Attempt{line_begins, line_begins + line.size(), std::nullopt};
  }
  return found;
}

/// Are the bytes of `log` from `at` on those of `part` from `from` on, to its end?
bool holds(const Fd& log, std::uint64_t at, const Part& part, std::uint64_t from) {
  const std::unique_ptr<char[]> buffer(new char[kChunkBytes]);
  bool same = true;
  read_pieces(part.fd, part.begin + from, [&](std::string_view piece) {
    std::size_t got = 0;
    while (got < piece.size()) {
      const ssize_t n =
          ::pread(log.get(), buffer.get() + got, piece.size() - got, static_cast<off_t>(at + got));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw_errno("read the log");
      if (n == 0) break;
      got += static_cast<std::size_t>(n);
    }
    same = std::string_view(buffer.get(), got) == piece;
    at += piece.size();
    return same;
  });
  return same;
}

/// Did it write all, and only the removal is left, wholly or in part? Then the newer
/// part is where its numbers say.
bool is_whole(const Fd& log, const Attempt& attempt, const Part& newest) {
  struct stat info {};
  if (::fstat(log.get(), &info) != 0) throw_errno("stat the log");
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (!attempt.cut) return false;
  const std::uint64_t before = newest.bytes_before;
  const std::uint64_t ahead = before - std::min(before, *attempt.cut);
  const std::uint64_t skipped = *attempt.cut - std::min(before, *attempt.cut);
  if (attempt.end > size || ahead > size - attempt.end || skipped > size) return false;
  return holds(log, attempt.end + ahead, newest, skipped);
}

void append_parts(const Fd& log, std::vector<Part>& parts) {
  Part& oldest = parts.front();
  const bool cut = oldest.bytes_before != 0;
  const std::uint64_t skipped = cut ? rest_of_line(oldest) : 0;
  const std::uint64_t lines = oldest.lines_before + (skipped != 0 ? 1 : 0);
  write_all(log.get(), !cut ? std::string(kNothingCut)
                            : "[cooper] " + std::to_string(oldest.bytes_before + skipped) +
                                  " bytes (" + std::to_string(lines) +
                                  (lines == 1 ? " line)" : " lines)") + std::string(kCutEnd));
  oldest.begin += skipped;
  for (const Part& part : parts) {
    read_pieces(part.fd, part.begin, [&](std::string_view piece) {
      write_all(log.get(), piece);
      return true;
    });
  }
}

void remove_part(const Fd& folder, const std::filesystem::path& path) {
  if (::unlinkat(folder.get(), path.filename().c_str(), 0) != 0 && errno != ENOENT) {
    throw_errno("remove " + path.string());
  }
}

}  // namespace

std::string_view cut_by_limit(std::string_view line) {
  const std::string_view end = kCutEnd.substr(0, kCutEnd.size() - 1);
  if (!line.starts_with(kOurs) || !line.ends_with(end)) return {};
  line.remove_prefix(kOurs.size());
  line.remove_suffix(end.size());
  return line;
}

LogFolder::LogFolder(const std::filesystem::path& log)
    : log_name_(log.filename()),
      folder_(open_file(log.has_parent_path() ? log.parent_path() : ".", O_PATH | O_DIRECTORY)) {}

const Fd& LogFolder::find(const Fd& log) {
  // A folder that was renamed is still open here; the log may have moved to another one.
  struct stat known {
  }, seen{};
  if (::fstat(log.get(), &known) != 0) throw_errno("stat the log");
  const auto has_log = [&](const Fd& folder) {
    return ::fstatat(folder.get(), log_name_.c_str(), &seen, AT_SYMLINK_NOFOLLOW) == 0 &&
           seen.st_dev == known.st_dev && seen.st_ino == known.st_ino;
  };
  if (known.st_nlink == 0 || has_log(folder_)) return folder_;
  std::array<char, PATH_MAX> name{};
  const std::string link = "/proc/self/fd/" + std::to_string(log.get());
  const ssize_t n = ::readlink(link.c_str(), name.data(), name.size() - 1);
  if (n <= 0) return folder_;
  const std::filesystem::path path(std::string_view(name.data(), static_cast<std::size_t>(n)));
  Fd moved(::open(path.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (moved && has_log(moved)) folder_ = std::move(moved);
  return folder_;
}

LogTail::LogTail(TailFiles files, std::uint64_t bytes_each, mode_t mode, std::uint64_t head)
    : files_(std::move(files)), bytes_each_(bytes_each), mode_(mode), head_(head) {}

void LogTail::open_next(const Fd& folder) {
  const std::filesystem::path& path = files_[sequence_ % 2];
  Fd next = open_beneath(folder, path.filename(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, mode_);
  write_all(next.get(), std::string(kHeader) + " " + std::to_string(sequence_) + " " +
                            std::to_string(bytes_) + " " + std::to_string(lines_) + " " +
                            std::to_string(head_) + "\n");
  fd_ = std::move(next);  // a file without a whole first line would be lost
  ++sequence_;
  used_ = 0;
}

void LogTail::append(std::string_view bytes, LogFolder& folder, const Fd& log) {
  while (!bytes.empty()) {
    if (!fd_ || used_ >= bytes_each_) open_next(folder.find(log));
    std::string_view piece = bytes.substr(0, bytes_each_ - used_);
    const ssize_t written = ::write(fd_.get(), piece.data(), piece.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_errno("write the newest part of the log");
    piece = piece.substr(0, static_cast<std::size_t>(written));
    used_ += piece.size();
    bytes_ += piece.size();
    lines_ += static_cast<std::uint64_t>(std::ranges::count(piece, '\n'));
    bytes.remove_prefix(piece.size());
  }
}

void join_tail(const Fd& log, const Fd& folder, const TailFiles& files) {
  std::vector<Part> parts;
  for (const std::filesystem::path& path : files) {
    if (auto part = open_part(folder, path)) parts.push_back(std::move(*part));
  }
  std::ranges::sort(parts, {}, &Part::sequence);
  // The older one first: after a crash between the two, the newer one tells that all is there.
  const std::size_t older = !parts.empty() && parts.back().sequence % 2 == 0 ? 1 : 0;
  if (!parts.empty()) {
    const auto earlier = earlier_attempt(log, parts.front().head);
    if (!earlier || !is_whole(log, *earlier, parts.back())) {
      if (earlier && ::ftruncate(log.get(), static_cast<off_t>(earlier->begin)) != 0) {
        throw_errno("cut the log");
      }
      append_parts(log, parts);
      if (::fdatasync(log.get()) != 0) throw_errno("fsync the log");
    }
  }
  remove_part(folder, files[older]);
  remove_part(folder, files[1 - older]);
}

}  // namespace cooper::log
