#include "store/audit_log.h"

#include "base/file.h"
#include "base/text.h"
#include "store/folder_lock.h"
#include "store/folders.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cooper::store {

namespace {

constexpr std::array kKinds = {AuditKind::change, AuditKind::refusal};
/// A file that is larger was not written by us.
constexpr std::uint64_t kMostBytes = std::uint64_t{64} << 20;

/// changes.jsonl, and changes.1.jsonl and so on, which are older.
std::string file_name(AuditKind kind, unsigned age) {
  const std::string stem = kind == AuditKind::change ? "changes" : "refusals";
  return stem + (age == 0 ? "" : "." + std::to_string(age)) + ".jsonl";
}

LockName lock_name(Holding holding) { return {.holding = holding, .what = "the audit log"}; }

struct stat stat_of(const Fd& file) {
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) throw_errno("stat the audit log");
  return info;
}

bool exists(const Fd& folder, const std::string& name) {
  struct stat info {};
  return ::fstatat(folder.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
}

/// What a crash cut short stays a line of its own.
bool ends_within_line(const Fd& file, std::uint64_t size) {
  char last = '\n';
  if (size > 0 && ::pread(file.get(), &last, 1, static_cast<off_t>(size - 1)) != 1) {
    throw_errno("read the audit log");
  }
  return last != '\n';
}

/// Open files of one kind, the newest first, as long as they were when they were opened.
class Entries {
 public:
  struct Part {
    Fd file;
    std::string name;
  };

  Entries(AuditKind kind, std::vector<Part> parts) : kind_(kind), parts_(std::move(parts)) {}

  /// Before the last one; nullopt: there are no more.
  std::optional<AuditEntry> next() {
    for (;;) {
      while (end_ == 0) {
        if (next_ == parts_.size()) return std::nullopt;
        const Part part = std::move(parts_[next_++]);
        text_ = read_open_file(part.file, part.name, kMostBytes);
        end_ = text_.size();
      }
      const std::string_view rest = std::string_view(text_).substr(0, end_ - 1);
      const std::size_t newline = rest.rfind('\n');
      const std::size_t begin = newline == std::string_view::npos ? 0 : newline + 1;
      const std::string_view line = trim(std::string_view(text_).substr(begin, end_ - begin));
      end_ = begin;
      if (line.empty()) continue;
      auto entry = parse_audit_entry(line, kind_);
      if (entry) return std::move(*entry);
      ++unreadable_;
    }
  }
  std::size_t unreadable() const { return unreadable_; }

 private:
  AuditKind kind_;
  std::vector<Part> parts_;
  std::size_t next_ = 0;
  std::string text_;
  std::size_t end_ = 0;  ///< of what is left of `text_`
  std::size_t unreadable_ = 0;
};

}  // namespace

void AuditLog::rotate(const Fd& folder, AuditKind kind) const {
  // A crash in here leaves a number out, which the next time is filled first.
  const unsigned last = limits_[static_cast<std::size_t>(kind)].files - 1;
  unsigned free = 1;
  while (free < last && exists(folder, file_name(kind, free))) ++free;
  for (unsigned age = free; age > 0; --age) {
    const std::string from = file_name(kind, age - 1);
    const std::string to = file_name(kind, age);
    if (::renameat(folder.get(), from.c_str(), folder.get(), to.c_str()) != 0) {
      throw_errno("rotate the audit log");
    }
  }
}

void AuditLog::append(const AuditEntry& entry) const {
  std::string line = to_json_line(entry);
  const Fd folder = make_folder(layout_, layout_.audit(), 0700);
  const FolderLock lock(folder, lock_name(Holding::alone));
  const std::string name = file_name(entry.kind, 0);
  const auto open = [&] { return open_beneath(folder, name, O_RDWR | O_CREAT | O_APPEND, 0600); };
  Fd file = open();
  auto size = static_cast<std::uint64_t>(stat_of(file).st_size);
  if (size > 0 && size + line.size() > limits_[static_cast<std::size_t>(entry.kind)].bytes) {
    rotate(folder, entry.kind);
    file = open();
    size = 0;
  }
  if (ends_within_line(file, size)) line.insert(line.begin(), '\n');
  try {
    write_all(file.get(), line);
  } catch (const Error&) {  // adapter: half a line (the disk is full) is none
    [[maybe_unused]] const int failed = ::ftruncate(file.get(), static_cast<off_t>(size));
    throw;
  }
  if (entry.kind == AuditKind::refusal) return;  // a stranger has us wait for no disk
  if (::fdatasync(file.get()) != 0) throw_errno("write the audit log");
  if (size == 0 && ::fsync(folder.get()) != 0) throw_errno("write the audit log");
}

std::vector<std::string> AuditLog::visit(
    std::optional<Time> since, const std::function<bool(const AuditEntry&)>& visit) const {
  const Fd root = open_file(layout_.root(), O_RDONLY | O_DIRECTORY);
  Fd folder;
  try {
    folder = open_beneath(root, layout_.audit().lexically_relative(layout_.root()),
                          O_RDONLY | O_DIRECTORY);
  } catch (const Error& error) {  // adapter: nothing has happened yet
    if (error.code() == Errc::not_found) return {};
    throw;
  }
  std::vector<Entries> logs;
  {
    const FolderLock lock(folder, lock_name(Holding::together));
    for (const AuditKind kind : kKinds) {
      std::vector<Entries::Part> parts;
      for (unsigned age = 0; age < limits_[static_cast<std::size_t>(kind)].files; ++age) {
        const std::string name = file_name(kind, age);
        if (!exists(folder, name)) continue;
        Fd file = open_beneath(folder, name, O_RDONLY | O_NOFOLLOW);
        const struct stat info = stat_of(file);
        // (Its time is that of the last line.)
        const Time written{std::chrono::seconds(info.st_mtim.tv_sec) +
                           std::chrono::nanoseconds(info.st_mtim.tv_nsec)};
        if (since && written < *since) continue;
        parts.push_back({.file = std::move(file), .name = name});
      }
      logs.emplace_back(kind, std::move(parts));
    }
  }
  std::vector<std::optional<AuditEntry>> heads;
  for (Entries& entries : logs) heads.push_back(entries.next());
  for (;;) {
    const auto newest = std::ranges::max_element(
        heads, [](const auto& a, const auto& b) { return !a || (b && a->at.at < b->at.at); });
    if (!*newest) break;
    if ((!since || (*newest)->at.at >= *since) && !visit(**newest)) break;
    *newest = logs[static_cast<std::size_t>(newest - heads.begin())].next();
  }
  std::size_t unreadable = 0;
  for (const Entries& entries : logs) unreadable += entries.unreadable();
  if (unreadable == 0) return {};
  return {std::to_string(unreadable) + (unreadable == 1 ? " line" : " lines") +
          " of the audit log can't be read"};
}

}  // namespace cooper::store
