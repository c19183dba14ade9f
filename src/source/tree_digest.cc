#include "source/tree_digest.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"

#include <array>
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
  Digesting(const TreeDigestOptions& options, std::stop_token stop)
      : options_(options),
        stop_(std::move(stop)),
        prefix_(std::filesystem::absolute(options.root).lexically_normal().string() + "/") {}

  TreeDigest run() {
    tree_.update("cooper tree 1\n");
    walk_tree(options_.root, options_.filter, *this, stop_);
    result_.digest = tree_.finish();
    return result_;
  }

  // Neither a path nor a target holds a NUL, and all else has a fixed length, so
  // two trees never give the same bytes.
  void entry(const TreeEntry& entry) override {
    const auto mode = static_cast<unsigned>(entry.info.st_mode);
    const char kind = S_ISDIR(mode) ? 'd' : S_ISLNK(mode) ? 'l' : 'f';
    const std::array<char, 3> head{kind, static_cast<char>(mode >> 8U & 1U),
                                   static_cast<char>(mode & 0xffU)};
    tree_.update({head.data(), head.size()});
    tree_.update(entry.path);
    tree_.update({"", 1});
    if (kind == 'l') add_target(entry);
    if (kind == 'f') {
      const Sha256Digest digest = digest_of(entry);
      tree_.update({reinterpret_cast<const char*>(digest.data()), digest.size()});
    }
    ++result_.entries;
  }

  // What is no file, folder or link is packed by nobody; what vanishes while the
  // tree is read makes it a tree that nobody had.
  void left_out(std::string_view path, LeftOut why) override {
    if (why == LeftOut::changed) changed(path);
  }

 private:
  [[noreturn]] void changed(std::string_view path) const {
    throw Error(Errc::conflict,
                printable(prefix_ + std::string(path)) + " changed while the source was read");
  }

  void add_target(const TreeEntry& entry) {
    const std::optional<std::string> target = link_target(entry);
    if (!target) changed(entry.path);
    tree_.update(*target);
    tree_.update({"", 1});
  }

  Sha256Digest digest_of(const TreeEntry& entry) {
    if (options_.known) {
      if (const auto digest = options_.known->find(entry.info)) return *digest;
    }
    if (options_.cache) {
      path_.assign(prefix_).append(entry.path);
      if (const auto digest = options_.cache->find(path_, entry.info)) return *digest;
    }
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
  std::stop_token stop_;
  std::string prefix_;  ///< the root's absolute path and a `/`
  Sha256 tree_;
  Sha256 file_;
  std::string path_;  ///< of the current file, absolute; with a cache only
  std::string buffer_;
  TreeDigest result_;
};

}  // namespace

TreeDigest tree_digest(const TreeDigestOptions& options, std::stop_token stop) {
  return Digesting(options, std::move(stop)).run();
}

}  // namespace cooper::source
