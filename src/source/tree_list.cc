#include "source/tree_list.h"

#include "source/tree_hash.h"

#include <algorithm>
#include <sys/stat.h>
#include <utility>

namespace cooper::source {
namespace {

constexpr mode_t kPermissions = 0777;
constexpr std::size_t kSizeBytes = 8;

mode_t kind_of(char kind) {
  switch (kind) {
    case 'd':
      return S_IFDIR;
    case 'l':
      return S_IFLNK;
    case 'f':
      return S_IFREG;
    default:
      return 0;
  }
}

unsigned byte_of(char c) { return static_cast<unsigned char>(c); }

}  // namespace

void TreeList::add(char kind, std::string_view path, mode_t mode) {
  const mode_t bits = mode & kPermissions;
  text_ += kind;
  text_ += static_cast<char>(bits & 0xffU);
  text_ += static_cast<char>(bits >> 8U);
  text_.append(path).push_back('\0');
  ++entries_;
}

void TreeList::folder(std::string_view path, mode_t mode) {
  if (dropped_) return;
  add('d', path, mode);
  bound();
}

void TreeList::link(std::string_view path, mode_t mode, std::string_view target) {
  if (dropped_) return;
  add('l', path, mode);
  text_.append(target).push_back('\0');
  bound();
}

void TreeList::file(std::string_view path, mode_t mode, std::uint64_t size,
                    const Sha256Digest& content) {
  if (dropped_) return;
  add('f', path, mode);
  for (std::size_t i = 0; i < kSizeBytes; ++i) {
    text_ += static_cast<char>(size >> (8U * i) & 0xffU);
  }
  digests_.push_back(content);
  bound();
}

void TreeList::bound() {
  if (text_.size() + digests_.size() * sizeof(Sha256Digest) <= kMostBytes) return;
  *this = TreeList();
  dropped_ = true;
}

std::optional<std::string_view> TreeList::Reader::until_nul() {
  const std::size_t end = list_->text_.find('\0', at_);
  if (end == std::string::npos) return std::nullopt;
  const std::string_view text = std::string_view(list_->text_).substr(at_, end - at_);
  at_ = end + 1;
  return text;
}

std::optional<ListEntry> TreeList::Reader::next() {
  const std::string& text = list_->text_;
  if (text.size() - at_ < 3) return std::nullopt;
  ListEntry entry;
  const mode_t kind = kind_of(text[at_]);
  entry.mode = kind | byte_of(text[at_ + 1]) | byte_of(text[at_ + 2]) << 8U;
  at_ += 3;
  const auto path = until_nul();
  if (kind == 0 || !path || path->empty() || (entry.mode & ~(S_IFMT | kPermissions)) != 0) {
    return std::nullopt;
  }
  entry.path = *path;
  if (S_ISLNK(kind)) {
    const auto target = until_nul();
    if (!target) return std::nullopt;
    entry.target = *target;
  }
  if (!S_ISREG(kind)) return entry;
  if (text.size() - at_ < kSizeBytes || digest_ == list_->digests_.size()) return std::nullopt;
  for (std::size_t i = 0; i < kSizeBytes; ++i) {
    entry.size |= std::uint64_t{byte_of(text[at_ + i])} << (8U * i);
  }
  at_ += kSizeBytes;
  entry.content = &list_->digests_[digest_++];
  return entry;
}

std::optional<TreeList> TreeList::from(std::string text, std::vector<Sha256Digest> digests) {
  TreeList list;
  list.text_ = std::move(text);
  list.digests_ = std::move(digests);
  Reader reader(list);
  while (reader.next()) ++list.entries_;
  if (!reader.at_end() || reader.digests_read() != list.digests_.size()) return std::nullopt;
  return list;
}

Sha256Digest TreeList::digest() const {
  TreeHash hash;
  Reader reader(*this);
  while (const auto entry = reader.next()) {
    hash.entry(entry->path, entry->mode);
    if (S_ISLNK(entry->mode)) hash.target(entry->target);
    if (entry->content) hash.content(*entry->content);
  }
  return hash.finish();
}

bool comes_before(std::string_view a, std::string_view b) {
  const auto [in_a, in_b] = std::ranges::mismatch(a, b);
  if (in_b == b.end()) return false;
  if (in_a == a.end()) return true;
  // A shorter name comes first, so what ends it is less than any byte of a name.
  if (*in_a == '/' || *in_b == '/') return *in_a == '/';
  return byte_of(*in_a) < byte_of(*in_b);
}

}  // namespace cooper::source
