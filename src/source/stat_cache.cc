#include "source/stat_cache.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/random.h"
#include "source/content_digests.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <iterator>
#include <string>
#include <type_traits>
#include <unistd.h>
#include <utility>

namespace cooper::source {
namespace {

// Numbers are in the machine's own order: another machine's file has the other
// magic number, and counts as damaged.
constexpr std::uint64_t kMagic = 0x3154'4154'5350'4f43;  // "COPSTAT1"
constexpr std::size_t kMaxBytes = std::size_t{1} << 30;

std::string_view bytes_of(const auto& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

}  // namespace

StatCache::StatCache(std::filesystem::path file)
    : file_(std::move(file)),
      today_(static_cast<std::uint64_t>(
          std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now())
              .time_since_epoch()
              .count())) {
  load();
}

void StatCache::load() {
  static_assert(std::is_trivially_copyable_v<Entry> &&
                std::has_unique_object_representations_v<Entry>);
  std::optional<std::string> bytes;
  try {
    bytes = read_file(file_, kMaxBytes);
  } catch (const Error&) {  // boundary: without the cache it takes longer, no more
  }
  if (!bytes) return;
  // magic, entries, SHA-256 of both
  constexpr std::size_t kAround = sizeof kMagic + sizeof(Sha256Digest);
  std::string_view rest = *bytes;
  if (rest.size() < kAround || (rest.size() - kAround) % sizeof(Entry) != 0) return;
  const std::string_view sum = rest.substr(rest.size() - sizeof(Sha256Digest));
  rest.remove_suffix(sum.size());
  if (!rest.starts_with(bytes_of(kMagic)) || bytes_of(sha256(rest)) != sum) return;
  rest.remove_prefix(sizeof kMagic);
  entries_.resize(rest.size() / sizeof(Entry));
  if (!rest.empty()) std::memcpy(entries_.data(), rest.data(), rest.size());
}

StatCache::Entry StatCache::entry_of(std::string_view path, const struct stat& file) {
  Entry entry{};
  const Sha256Digest digest = sha256(path);
  std::memcpy(&entry.path, digest.data(), sizeof entry.path);
  entry.inode = file.st_ino;
  entry.size = file.st_size;
  entry.modified_ns = nanoseconds(file.st_mtim);
  entry.changed_ns = nanoseconds(file.st_ctim);
  return entry;
}

/// nullptr if it is not there. The numbers are those of digests, so evenly spread: the
/// entry is near where its number says, and most of a large cache need not be touched.
StatCache::Entry* StatCache::saved(std::uint64_t path) {
  constexpr double kNumbers = 0x1p64;
  const auto count = static_cast<double>(entries_.size());
  const auto near = static_cast<std::size_t>(static_cast<double>(path) / kNumbers * count);
  const auto reach = static_cast<std::size_t>(2 * std::sqrt(count)) + 1;
  const auto from = [&](std::size_t index) {
    return entries_.begin() + static_cast<std::ptrdiff_t>(std::min(index, entries_.size()));
  };
  auto first = from(near < reach ? 0 : near - reach);
  auto last = from(near + reach);
  if (first != entries_.begin() && std::prev(first)->path >= path) first = entries_.begin();
  if (last != entries_.end() && last->path < path) last = entries_.end();
  const auto at = std::ranges::lower_bound(first, last, path, {}, &Entry::path);
  return at == entries_.end() || at->path != path ? nullptr : &*at;
}

std::optional<Sha256Digest> StatCache::find(std::string_view path, const struct stat& file) {
  const Entry asked = entry_of(path, file);
  Entry* at = nullptr;
  if (const auto added = added_.find(asked.path); added != added_.end()) {
    at = &added->second;
  } else {
    at = saved(asked.path);
    if (!at) return std::nullopt;
  }
  if (at->inode != asked.inode || at->size != asked.size || at->modified_ns != asked.modified_ns ||
      at->changed_ns != asked.changed_ns) {
    return std::nullopt;
  }
  changed_ |= at->used_day != today_;
  at->used_day = today_;
  return at->digest;
}

void StatCache::add(std::string_view path, const struct stat& file,
                    std::chrono::sys_time<std::chrono::nanoseconds> read_at,
                    const Sha256Digest& digest) {
  Entry entry = entry_of(path, file);
  const std::int64_t settled =
      (read_at - std::chrono::nanoseconds(kSettled)).time_since_epoch().count();
  if (entry.changed_ns > settled || entry.modified_ns > settled) return;
  entry.used_day = today_;
  entry.digest = digest;
  added_.insert_or_assign(entry.path, entry);
  changed_ = true;
}

void StatCache::save() {
  if (!changed_) return;
  std::vector<Entry> all;
  all.reserve(entries_.size() + added_.size());
  for (const auto& [path, entry] : added_) all.push_back(entry);
  std::ranges::copy_if(entries_, std::back_inserter(all),
                       [&](const Entry& entry) { return !added_.contains(entry.path); });
  std::ranges::sort(all, {}, &Entry::path);
  std::erase_if(all, [&](const Entry& entry) {
    return entry.used_day + static_cast<std::uint64_t>(kKept.count()) < today_;
  });
  Sha256 sum;
  const std::string_view body(reinterpret_cast<const char*>(all.data()),
                              all.size() * sizeof(Entry));
  sum.update(bytes_of(kMagic));
  sum.update(body);
  const Sha256Digest digest = sum.finish();

  make_folders(file_.parent_path(), 0700);
  const std::filesystem::path temporary =
      file_.parent_path() / (std::string(kTemporaryPrefix) + random_base36(12));
  try {
    const Fd out = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, 0600);
    for (const std::string_view part : {bytes_of(kMagic), body, bytes_of(digest)}) {
      write_all(out.get(), part);
    }
    if (::rename(temporary.c_str(), file_.c_str()) != 0) throw_errno("save " + file_.string());
  } catch (const Error&) {  // boundary: nothing of it is left
    ::unlink(temporary.c_str());
    throw;
  }
  entries_ = std::move(all);
  added_.clear();
  changed_ = false;
}

}  // namespace cooper::source
