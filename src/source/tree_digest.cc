#include "source/tree_digest.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "source/file_warnings.h"
#include "source/tree_hash.h"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <utility>

namespace cooper::source {
namespace {

constexpr std::size_t kChunk = std::size_t{64} << 10;

class Digesting : public TreeVisitor {
 public:
  Digesting(const TreeDigestOptions& options, std::uint64_t most_read, std::stop_token stop)
      : options_(options),
        most_read_(most_read),
        stop_(std::move(stop)),
        prefix_(std::filesystem::absolute(options.root).lexically_normal().string() + "/") {}

  TreeDigest run() {
    walk_tree(options_.root, options_.filter, *this, stop_);
    result_.digest = tree_.finish();
    result_.warnings = warnings_.finish();
    return std::move(result_);
  }

  void entry(const TreeEntry& entry) override {
    const mode_t mode = entry.info.st_mode;
    tree_.entry(entry.path, mode);
    if (S_ISDIR(mode) && options_.list) options_.list->folder(entry.path, mode);
    if (S_ISLNK(mode)) add_target(entry);
    if (S_ISREG(mode)) add_content(entry);
    ++result_.entries;
  }

  // What is no file, folder or link is packed by nobody; what vanishes while the
  // tree is read makes it a tree that nobody had.
  void left_out(std::string_view path, LeftOut why) override {
    if (why == LeftOut::changed) changed(path);
    warnings_.add(path, text_of(why));
  }

  /// Too much would have had to be read.
  bool gave_up() const { return gave_up_; }

 private:
  [[noreturn]] void changed(std::string_view path) const {
    throw Error(Errc::conflict,
                printable(prefix_ + std::string(path)) + " changed while the source was read");
  }

  void add_target(const TreeEntry& entry) {
    const std::optional<std::string> target = link_target(entry);
    if (!target) changed(entry.path);
    tree_.target(*target);
    if (options_.list) options_.list->link(entry.path, entry.info.st_mode, *target);
  }

  void add_content(const TreeEntry& entry) {
    const Sha256Digest digest = digest_of(entry);
    tree_.content(digest);
    if (!options_.list) return;
    const auto size = static_cast<std::uint64_t>(entry.info.st_size);
    options_.list->file(entry.path, entry.info.st_mode, size, digest);
  }

  Sha256Digest digest_of(const TreeEntry& entry) {
    if (options_.known) {
      if (const auto digest = options_.known->find(entry.info)) return *digest;
    }
    if (options_.cache) {
      path_.assign(prefix_).append(entry.path);
      if (const auto digest = options_.cache->find(path_, entry.info)) return *digest;
    }
    const auto size = static_cast<std::uint64_t>(entry.info.st_size);
    if (size > most_read_ - read_) {
      gave_up_ = true;
      throw Error(Errc::unavailable, "too much of the source is not known");
    }
    read_ += size;
    return read(entry);
  }

  Sha256Digest read(const TreeEntry& entry) {
    const auto read_at = std::chrono::system_clock::now();
    // O_NONBLOCK: a fifo that took the file's place must not hold us up.
    const Fd fd(::openat(entry.folder, entry.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd && errno == ENOENT) changed(entry.path);
    if (!fd) throw_errno("read " + printable(prefix_ + std::string(entry.path)));
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) changed(entry.path);
    buffer_.resize(kChunk);
    for (ssize_t n = 0; (n = read_some(fd.get(), buffer_)) > 0;) {
      if (stop_.stop_requested()) throw Error(Errc::canceled, "reading the source was canceled");
      file_.update({buffer_.data(), static_cast<std::size_t>(n)});
    }
    const Sha256Digest digest = file_.finish();
    ++result_.files_read;
    if (options_.cache) options_.cache->add(path_, info, read_at, digest);
    return digest;
  }

  const TreeDigestOptions& options_;
  std::uint64_t most_read_;
  std::stop_token stop_;
  std::string prefix_;  ///< the root's absolute path and a `/`
  TreeHash tree_;
  Sha256 file_;
  std::uint64_t read_ = 0;  ///< bytes of files whose digests were not known
  bool gave_up_ = false;
  FileWarnings warnings_;
  std::string path_;  ///< of the current file, absolute; with a cache only
  std::string buffer_;
  TreeDigest result_;
};

}  // namespace

TreeDigest tree_digest(const TreeDigestOptions& options, std::stop_token stop) {
  return Digesting(options, UINT64_MAX, std::move(stop)).run();
}

std::optional<TreeDigest> quick_tree_digest(const TreeDigestOptions& options,
                                            std::uint64_t most_read, std::stop_token stop) {
  Digesting digesting(options, most_read, std::move(stop));
  try {
    return digesting.run();
  } catch (const Error&) {  // adapter: how a visitor ends a walk
    if (!digesting.gave_up()) throw;
    return std::nullopt;
  }
}

}  // namespace cooper::source
