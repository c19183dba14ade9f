#include "engine/buildkit/file_sync.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/sha256.h"
#include "base/text.h"
#include "engine/buildkit/follow_paths.h"
#include "engine/buildkit/sent_entries.h"
#include "engine/buildkit/sync_requests.h"
#include "source/content_digests.h"
#include "source/file_warnings.h"
#include "source/folder_listing.h"
#include "source/tree_walk.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <sys/xattr.h>
#include <utility>

namespace cooper::engine::buildkit {
namespace {

constexpr std::size_t kChunk = std::size_t{64} << 10;
constexpr auto kDaemonEnds = std::chrono::seconds(5);  // it hangs up after an ERR

std::uint32_t go_mode(const struct stat& info) {
  std::uint32_t mode = info.st_mode & kModePermissions;
  if (S_ISDIR(info.st_mode)) mode |= kModeFolder;
  if (S_ISLNK(info.st_mode)) mode |= kModeSymlink;
  if ((info.st_mode & S_ISUID) != 0) mode |= kModeSetuid;
  if ((info.st_mode & S_ISGID) != 0) mode |= kModeSetgid;
  if ((info.st_mode & S_ISVTX) != 0) mode |= kModeSticky;
  return mode;
}

source::TreeFilter filter_of(const TreeRequest& request) {
  source::TreeFilter filter;
  filter.exclude = source::IgnoreRules::from_patterns(request.exclude).value();
  std::vector<std::string> include = request.include;
  if (!request.follow.empty()) {
    const auto followed = follow_paths(request.root, request.follow);
    if (!followed) return filter;  // a path means everything
    include.insert(include.end(), followed->begin(), followed->end());
  }
  if (!include.empty()) filter.include = source::IgnoreRules::from_patterns(include).value();
  return filter;
}

/// Read flags for a file that was listed before. O_NONBLOCK: a fifo that took
/// its place must not hold us up.
constexpr int kReadFile = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;

bool is_regular(const Fd& fd) {
  struct stat info {};
  return ::fstat(fd.get(), &info) == 0 && S_ISREG(info.st_mode);
}

class Sending : private source::TreeVisitor {
 public:
  Sending(PacketStream& stream, const TreeRequest& request, std::stop_token stop)
      : stream_(stream),
        request_(request),
        filter_(filter_of(request)),
        stop_(std::move(stop)),
        root_(open_file(request.root, O_RDONLY | O_DIRECTORY)),
        requests_(stream) {}

  TreeSent run() {
    source::walk_tree(request_.root, filter_, *this, stop_);
    send({.type = Packet::Type::stat});  // without an entry: the list's end
    serve_all();
    send({.type = Packet::Type::fin});
    result_.warnings = warnings_.finish();
    return std::move(result_);
  }

  /// After an ERR was sent: lets the daemon hang up.
  void wait_end() { requests_.wait_end(kDaemonEnds); }

 private:
  /// A file being sent.
  struct Content {
    std::uint32_t id;
    Fd fd;
    std::int64_t left;
    Sha256 hash;
  };

  void check_stop() const {
    if (stop_.stop_requested()) throw Error(Errc::canceled, "sending the source was canceled");
  }

  void send(const Packet& packet) {
    if (stream_.write(packet)) return;
    static_cast<void>(requests_.next());  // throws what the daemon said, if it did
    throw Error(Errc::unavailable, "the connection ended while the source was sent");
  }

  void left_out(std::string_view path, source::LeftOut why) override {
    warnings_.add(path, source::text_of(why));
  }

  void entry(const source::TreeEntry& entry) override {
    Packet packet{.type = Packet::Type::stat, .has_stat = true};
    Stat& stat = packet.stat;
    stat.path = entry.path;
    stat.mode = go_mode(entry.info);
    stat.mod_time =
        request_.times ? source::ContentTime::kFixed : source::nanoseconds(entry.info.st_mtim);
    auto kind = SentEntries::Kind::other;
    if (S_ISDIR(entry.info.st_mode)) {
      kind = SentEntries::Kind::folder;
    } else if (S_ISLNK(entry.info.st_mode)) {
      if (!describe_symlink(entry, stat)) return left_out(entry.path, source::LeftOut::changed);
    } else if (!describe_hard_link(entry, stat)) {
      if (!describe_file(entry, stat)) return left_out(entry.path, source::LeftOut::changed);
      kind = SentEntries::Kind::file;
    }
    const std::uint32_t id = sent_.add(entry.path, kind, stat.size, stat.mod_time);
    if (kind == SentEntries::Kind::file && entry.info.st_nlink > 1) {
      linked_.emplace(std::pair(entry.info.st_dev, entry.info.st_ino), id);
    }
    requests_.entry_listed();
    send(packet);
    ++result_.entries;
    serve_some();
  }

  static bool describe_symlink(const source::TreeEntry& entry, Stat& stat) {
    std::optional<std::string> target = source::link_target(entry);
    if (!target) return false;
    stat.linkname = *std::move(target);
    stat.size = static_cast<std::int64_t>(stat.linkname.size());
    return true;
  }

  /// False if it is the first of its links, or has no others.
  bool describe_hard_link(const source::TreeEntry& entry, Stat& stat) const {
    if (entry.info.st_nlink < 2) return false;
    const auto first = linked_.find(std::pair(entry.info.st_dev, entry.info.st_ino));
    if (first == linked_.end()) return false;
    stat.linkname = sent_.path(first->second);
    stat.mod_time = sent_.mod_time(first->second);
    return true;
  }

  bool describe_file(const source::TreeEntry& entry, Stat& stat) {
    stat.size = entry.info.st_size;
    add_capability(entry, stat);
    if (!request_.times) return true;
    std::optional<Sha256Digest> digest = request_.times->known(entry.info);
    if (!digest) digest = digest_of(entry);
    if (!digest) return false;
    stat.mod_time = request_.times->of(*digest);
    return true;
  }

  /// nullopt if the file is gone.
  std::optional<Sha256Digest> digest_of(const source::TreeEntry& entry) {
    const Fd fd(::openat(entry.folder, entry.name, kReadFile));
    if (!fd && source::is_gone(errno)) return std::nullopt;
    if (!fd) throw_errno("read " + printable((request_.root / entry.path).string()));
    if (!is_regular(fd)) return std::nullopt;
    Sha256 hash;
    // What the daemon gets is what is listed, so no more than that counts.
    for (std::int64_t left = entry.info.st_size; left > 0;) {
      check_stop();
      const ssize_t n = read_some(fd.get(), room(left));
      if (n <= 0) break;
      hash.update({buffer_.data(), static_cast<std::size_t>(n)});
      left -= n;
    }
    return hash.finish();
  }

  std::span<char> room(std::int64_t left) {
    buffer_.resize(kChunk);
    return std::span(buffer_).first(std::min(kChunk, static_cast<std::size_t>(left)));
  }

  /// The one extended attribute that decides what a program may do. It means
  /// nothing on a file that nobody may execute, which spares most files a look.
  static void add_capability(const source::TreeEntry& entry, Stat& stat) {
    constexpr const char* kCapability = "security.capability";
    if ((entry.info.st_mode & 0111) == 0) return;
    const Fd fd(::openat(entry.folder, entry.name, kReadFile));
    if (!fd) return;
    std::array<char, 64> value{};  // the kernel's largest has 24 bytes
    const ssize_t length = ::fgetxattr(fd.get(), kCapability, value.data(), value.size());
    if (length > 0) stat.xattrs[kCapability].assign(value.data(), static_cast<std::size_t>(length));
  }

  /// Between two entries: one piece of what was asked for.
  void serve_some() {
    if (!content_) {
      const std::optional<std::uint32_t> id = requests_.next();
      if (!id) return;
      begin(*id);
    }
    send_piece();
  }

  void serve_all() {
    for (;;) {
      while (content_) {
        check_stop();
        send_piece();
      }
      const std::optional<std::uint32_t> id = requests_.wait();
      if (!id) return;
      begin(*id);
    }
  }

  void begin(std::uint32_t id) {
    if (!sent_.take(id)) {
      throw Error(Errc::engine, "the daemon asked for what is no file, or twice for a file");
    }
    Fd fd;
    try {
      fd = open_beneath(root_, sent_.path(id), kReadFile);
      if (!is_regular(fd)) fd.reset();
    } catch (const Error&) {  // adapter: it vanished or is not ours to read: it arrives empty
    }
    if (!fd) warnings_.add(sent_.path(id), "is empty there: it could not be read when it was sent");
    ++result_.requested;
    content_.emplace(Content{id, std::move(fd), sent_.size(id), {}});
  }

  /// The next piece of content_, or its end.
  void send_piece() {
    data_.id = content_->id;
    ssize_t n = 0;
    if (content_->fd && content_->left > 0) {
      data_.data.resize(std::min(kChunk, static_cast<std::size_t>(content_->left)));
      n = read_some(content_->fd.get(), data_.data);
    }
    data_.data.resize(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    if (data_.data.empty()) return end_content();
    content_->left -= n;
    if (request_.times) content_->hash.update(data_.data);
    send(data_);
    result_.bytes += data_.data.size();
  }

  void end_content() {
    const std::string path = sent_.path(content_->id);
    if (content_->fd && content_->left > 0) warnings_.add(path, "shrank while it was sent");
    // The daemon would keep it as the content that its time stands for. (A shorter
    // one has another size, so it is asked for the next time.)
    if (request_.times && content_->left == 0 &&
        request_.times->of(content_->hash.finish()) != sent_.mod_time(content_->id)) {
      throw Error(Errc::conflict, printable(path) + " changed while it was sent");
    }
    send(data_);
    content_.reset();
  }

  PacketStream& stream_;
  const TreeRequest& request_;
  source::TreeFilter filter_;
  std::stop_token stop_;
  Fd root_;
  SentEntries sent_;
  std::map<std::pair<dev_t, ino_t>, std::uint32_t> linked_;  ///< files with several names
  std::optional<Content> content_;
  Packet data_{.type = Packet::Type::data};
  std::string buffer_;
  TreeSent result_;
  source::FileWarnings warnings_;
  SyncRequests requests_;  ///< last: its thread ends first
};

}  // namespace

TreeSent send_tree(PacketStream& stream, const TreeRequest& request, std::stop_token stop) {
  const std::stop_callback give_up(stop, [&] { stream.end(); });
  std::optional<Sending> sending;
  try {
    sending.emplace(stream, request, stop);
    return sending->run();
  } catch (const Error& error) {  // boundary: the daemon waits for an answer
    // The stop ended the stream, which may have been seen first.
    if (stop.stop_requested()) throw Error(Errc::canceled, "sending the source was canceled");
    const bool told = stream.write({.type = Packet::Type::err, .data = error.message()});
    if (told && sending) sending->wait_end();
    throw;
  }
}

}  // namespace cooper::engine::buildkit
