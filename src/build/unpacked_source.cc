#include "build/unpacked_source.h"

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "source/tree_digest.h"
#include "source/tree_update.h"
#include "source/unpack.h"
#include "store/folders.h"

#include <cstring>
#include <fcntl.h>
#include <optional>
#include <string_view>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <type_traits>
#include <unistd.h>
#include <utility>
#include <vector>

namespace cooper::build {
namespace fs = std::filesystem;

namespace {

using Known = source::ContentDigests::Known;

// Numbers are in the machine's own order: another machine's file has another magic
// number, and counts as damaged.
constexpr std::uint64_t kMagic = 0x3145'4552'5450'4f43;  // "COPTREE1"
constexpr std::size_t kMaxBytes = std::size_t{1} << 30;
constexpr std::size_t kTreeDigits = 64;

std::string_view bytes_of(const auto& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

/// Of this boot of the machine: after a crash of the host a file may have lost its content
/// and still look the same, so what an earlier boot knew is worth nothing.
Sha256Digest sum_of(std::string_view bytes) {
  return sha256(read_file("/proc/sys/kernel/random/boot_id").value_or("") + std::string(bytes));
}

/// What root unpacks in somebody's data root is root's, in folders that are its owner's.
bool is_ours(const fs::path& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 && info.st_uid == ::geteuid();
}

}  // namespace

UnpackedSource::UnpackedSource(const store::Layout& layout, const AppName& app, const BuildId& id,
                               std::string tree)
    : layout_(layout), tree_(std::move(tree)), kept_(layout.kept_source(app)) {
  const store::BuildFiles files = layout.build(app, id);
  archive_ = files.source;
  own_ = files.work / "unpacked";
  folder_ = own_ / "source";
}

void UnpackedSource::open(std::stop_token stop) {
  store::make_folder(layout_, own_.parent_path(), 0700);
  if (!take_kept() || !bring_up_to_date(stop)) unpack(stop);
  complete_ = true;
}

/// False if there is none that can be used.
bool UnpackedSource::take_kept() {
  if (tree_.size() != kTreeDigits || !is_ours(kept_)) return false;
  if (::rename(kept_.c_str(), own_.c_str()) != 0) return false;
  // Whoever owns the data root may have put a link there, or a folder of his: what is in
  // it is removed by name, so it must be ours.
  taken_ = Fd(::open(own_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat info {};
  return taken_ && ::fstat(taken_.get(), &info) == 0 && info.st_uid == ::geteuid() && load();
}

bool UnpackedSource::bring_up_to_date(std::stop_token stop) {
  try {
    if (kept_tree_ == tree_ && is_as_packed(stop)) return true;
    remove_file(own_ / "known");
    const Fd archive = open_file(archive_, O_RDONLY);
    const fs::path folder = fs::path("/proc/self/fd") / std::to_string(taken_.get()) / "source";
    if (!source::update_tree(archive.get(), folder, tree_, digests_, stop)) {
      source::unpack_over(archive.get(), folder, digests_, {}, stop);
      if (!is_as_packed(stop)) return false;
    }
  } catch (const Error& error) {  // adapter: then it is unpacked anew
    if (error.code() == Errc::canceled) throw;
    return false;
  }
  save();
  return true;
}

bool UnpackedSource::is_as_packed(std::stop_token stop) const {
  struct stat info {};
  if (::lstat(folder_.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) return false;
  const source::TreeDigest found =
      source::tree_digest({.root = folder_, .known = &digests_}, std::move(stop));
  return hex(found.digest) == tree_;
}

void UnpackedSource::unpack(std::stop_token stop) {
  remove_tree(own_);
  store::make_folder(layout_, folder_, 0700);
  const Fd archive = open_file(archive_, O_RDONLY);
  source::unpack(archive.get(), folder_, {}, std::move(stop), &digests_);
  if (!tree_.empty()) save();
}

// The digests: magic, the tree's digest in hex, entries, their sum_of().

bool UnpackedSource::load() {
  static_assert(std::is_trivially_copyable_v<Known> &&
                std::has_unique_object_representations_v<Known>);
  std::optional<std::string> bytes;
  try {
    const Fd file = open_beneath(taken_, "known", O_RDONLY | O_NONBLOCK);
    bytes = read_open_file(file, "known", kMaxBytes);
  } catch (const Error&) {  // adapter: then it is unpacked anew
  }
  constexpr std::size_t kHead = sizeof kMagic + kTreeDigits;
  if (!bytes || bytes->size() < kHead + sizeof(Sha256Digest)) return false;
  std::string_view rest = *bytes;
  const std::string_view sum = rest.substr(rest.size() - sizeof(Sha256Digest));
  rest.remove_suffix(sum.size());
  if (bytes_of(sum_of(rest)) != sum || !rest.starts_with(bytes_of(kMagic))) return false;
  kept_tree_ = rest.substr(sizeof kMagic, kTreeDigits);
  rest.remove_prefix(kHead);
  if (rest.size() % sizeof(Known) != 0) return false;
  std::vector<Known> known(rest.size() / sizeof(Known));
  if (!known.empty()) std::memcpy(known.data(), rest.data(), rest.size());
  digests_ = source::ContentDigests(std::move(known));
  return true;
}

/// Not durable: after a crash of the host it counts no more.
void UnpackedSource::save() const {
  const std::vector<Known>& known = digests_.all();
  std::string bytes(bytes_of(kMagic));
  bytes += tree_;
  bytes.append(reinterpret_cast<const char*>(known.data()), known.size() * sizeof(Known));
  bytes += bytes_of(sum_of(bytes));
  const Fd file = open_file(own_ / "known", O_WRONLY | O_CREAT | O_TRUNC, 0600);
  write_all(file.get(), bytes);
}

void UnpackedSource::keep() {
  if (!complete_ || tree_.size() != kTreeDigits || !is_ours(own_) || !is_small()) return;
  store::make_folder(layout_, kept_.parent_path(), 0700);
  if (::rename(own_.c_str(), kept_.c_str()) == 0) return;
  // Is there one already, or is `cache/` on another file system, this one goes with the
  // build's other files.
  if (errno == ENOTEMPTY || errno == EEXIST || errno == EXDEV) return;
  throw_errno("keep " + kept_.string());
}

bool UnpackedSource::is_small() const {
  std::uint64_t bytes = 0;
  for (const Known& file : digests_.all()) bytes += static_cast<std::uint64_t>(file.size);
  struct statvfs disk {};
  if (::statvfs(own_.c_str(), &disk) != 0) return false;
  return bytes < std::uint64_t{disk.f_bavail} * disk.f_frsize / 10;
}

void forget_source(const store::Layout& layout, const AppName& app) {
  remove_tree(layout.kept_source(app));
  remove_file(layout.stat_cache(app));
}

}  // namespace cooper::build
