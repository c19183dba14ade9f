#include "source/pack.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "source/archive_writer.h"
#include "source/file_warnings.h"
#include "source/folder_listing.h"
#include "source/tree_hash.h"
#include "source/tree_walk.h"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <optional>
#include <string_view>
#include <sys/stat.h>
#include <utility>

namespace cooper::source {
namespace {

/// Read flags for a file that was listed before. O_NONBLOCK: a fifo that took
/// its place must not hold us up.
constexpr int kReadFile = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
constexpr std::string_view kChanged = "was left out: it changed while it was packed";

class Packing : private TreeVisitor {
 public:
  Packing(const PackOptions& options, int out, std::stop_token stop)
      : options_(options),
        prefix_(std::filesystem::absolute(options.folder).lexically_normal().string() + "/"),
        stop_(std::move(stop)),
        writer_(out, {.mtime = options.mtime, .level = options.level, .threads = options.threads},
                stop_) {}

  PackResult run() {
    walk_tree(options_.folder, {.exclude = options_.ignore, .always = options_.always}, *this,
              stop_);
    writer_.finish();
    result_.archive_bytes = writer_.written();
    result_.tree = tree_.finish();
    result_.warnings = warnings_.finish();
    return std::move(result_);
  }

 private:
  void left_out(std::string_view path, LeftOut why) override {
    warnings_.add(path, why == LeftOut::changed ? kChanged : text_of(why));
  }

  void entry(const TreeEntry& entry) override {
    if (S_ISDIR(entry.info.st_mode)) {
      writer_.folder(entry.path, entry.info.st_mode);
      tree_.entry(entry.path, entry.info.st_mode);
      ++result_.folders;
    } else if (S_ISLNK(entry.info.st_mode)) {
      add_link(entry);
    } else {
      add_file(entry);
    }
  }

  void add_link(const TreeEntry& entry) {
    const std::optional<std::string> target = link_target(entry);
    if (!target) return warnings_.add(entry.path, kChanged);
    writer_.link(entry.path, entry.info.st_mode, *target);
    tree_.entry(entry.path, entry.info.st_mode);
    tree_.target(*target);
    ++result_.links;
  }

  void add_file(const TreeEntry& entry) {
    const auto read_at = std::chrono::system_clock::now();
    const Fd fd(::openat(entry.folder, entry.name, kReadFile));
    if (!fd && is_gone(errno)) return warnings_.add(entry.path, kChanged);
    const auto shown = [&] { return printable((options_.folder / entry.path).string()); };
    if (!fd) throw_errno("read " + shown());
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) throw_errno("read " + shown());
    if (!S_ISREG(info.st_mode)) return warnings_.add(entry.path, kChanged);
    const auto size = static_cast<std::uint64_t>(info.st_size);
    const TarWriter::Written written = writer_.file(entry.path, info.st_mode, size, fd.get());
    tree_.entry(entry.path, info.st_mode);
    tree_.content(written.digest);
    switch (written.content) {
      case TarWriter::Content::exact:
        if (options_.cache) {
          options_.cache->add(prefix_ + std::string(entry.path), info, read_at, written.digest);
        }
        break;
      case TarWriter::Content::grew:
        warnings_.add(entry.path, "grew while it was packed: the new end was left out");
        break;
      case TarWriter::Content::shrank:
        warnings_.add(entry.path, "shrank while it was packed: its end is zero bytes");
        break;
    }
    ++result_.files;
    result_.bytes += size;
  }

  const PackOptions& options_;
  std::string prefix_;  ///< the folder's absolute path and a `/`
  std::stop_token stop_;
  ArchiveWriter writer_;
  TreeHash tree_;
  FileWarnings warnings_;
  PackResult result_;
};

}  // namespace

PackResult pack(const PackOptions& options, int out, std::stop_token stop) {
  return Packing(options, out, std::move(stop)).run();
}

}  // namespace cooper::source
