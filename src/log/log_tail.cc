#include "log/log_tail.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

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
std::optional<Part> open_part(const std::filesystem::path& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
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

/// Where an earlier call began that did not get to its end: at its line, which
/// is looked for behind the head only, where no build can have printed it.
std::optional<std::uint64_t> earlier_attempt(const Fd& log, std::uint64_t head) {
  std::optional<std::uint64_t> found;
  std::uint64_t line_begins = head;
  std::string line;
  read_pieces(log, head, [&](std::string_view piece) {
    while (!piece.empty() && !found) {
      const std::size_t newline = piece.find('\n');
      line += piece.substr(0, newline == std::string_view::npos ? newline : newline + 1);
      if (newline == std::string_view::npos) return true;
      piece.remove_prefix(newline + 1);
      const bool ours = line.starts_with(kOurs) && line.ends_with(kCutEnd);
      if (ours || line == kNothingCut) found = line_begins;
      line_begins += line.size();
      line.clear();
    }
    return !found;
  });
  // Or within its first line.
  if (!found && !line.empty() && line.substr(0, kOurs.size()) == kOurs.substr(0, line.size())) {
    found = line_begins;
  }
  return found;
}

}  // namespace

LogTail::LogTail(TailFiles files, std::uint64_t bytes_each, mode_t mode, std::uint64_t head)
    : files_(std::move(files)), bytes_each_(bytes_each), mode_(mode), head_(head) {}

void LogTail::open_next() {
  fd_ =
      open_file(files_[sequence_ % 2], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW, mode_);
  write_all(fd_.get(), std::string(kHeader) + " " + std::to_string(sequence_) + " " +
                           std::to_string(bytes_) + " " + std::to_string(lines_) + " " +
                           std::to_string(head_) + "\n");
  ++sequence_;
  used_ = 0;
}

void LogTail::append(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!fd_ || used_ >= bytes_each_) open_next();
    const std::string_view piece = bytes.substr(0, bytes_each_ - used_);
    write_all(fd_.get(), piece);
    used_ += piece.size();
    bytes_ += piece.size();
    lines_ += static_cast<std::uint64_t>(std::ranges::count(piece, '\n'));
    bytes.remove_prefix(piece.size());
  }
}

void join_tail(const Fd& log, const TailFiles& files) {
  std::vector<Part> parts;
  for (const std::filesystem::path& path : files) {
    if (auto part = open_part(path)) parts.push_back(std::move(*part));
  }
  std::ranges::sort(parts, {}, &Part::sequence);
  if (!parts.empty()) {
    if (const auto earlier = earlier_attempt(log, parts.front().head)) {
      if (::ftruncate(log.get(), static_cast<off_t>(*earlier)) != 0) throw_errno("cut the log");
    }
    Part& oldest = parts.front();
    const bool cut = oldest.bytes_before != 0;
    const std::uint64_t skipped = cut ? rest_of_line(oldest) : 0;
    const std::uint64_t lines = oldest.lines_before + (skipped != 0 ? 1 : 0);
    write_all(log.get(), !cut ? std::string(kNothingCut)
                              : "[cooper] " + std::to_string(oldest.bytes_before + skipped) +
                                    " bytes (" + std::to_string(lines) + " lines)" +
                                    std::string(kCutEnd));
    oldest.begin += skipped;
    for (const Part& part : parts) {
      read_pieces(part.fd, part.begin, [&](std::string_view piece) {
        write_all(log.get(), piece);
        return true;
      });
    }
    if (::fdatasync(log.get()) != 0) throw_errno("fsync the log");
  }
  // The older one first: after a crash between the two, the newer one says what is cut.
  const std::size_t older = !parts.empty() && parts.back().sequence % 2 == 0 ? 1 : 0;
  remove_file(files[older]);
  remove_file(files[1 - older]);
}

}  // namespace cooper::log
