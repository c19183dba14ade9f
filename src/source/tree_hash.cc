#include "source/tree_hash.h"

#include <array>
#include <sys/stat.h>

namespace cooper::source {

namespace {

/// Of a path or a target: neither can hold it.
constexpr std::string_view kEnd("\0", 1);

}  // namespace

TreeHash::TreeHash() { hash_.update("cooper tree 1\n"); }

void TreeHash::entry(std::string_view path, mode_t mode) {
  const char kind = S_ISDIR(mode) ? 'd' : S_ISLNK(mode) ? 'l' : 'f';
  const std::array<char, 3> head{kind, static_cast<char>(mode >> 8U & 1U),
                                 static_cast<char>(mode & 0xffU)};
  hash_.update({head.data(), head.size()});
  hash_.update(path);
  hash_.update(kEnd);
}

void TreeHash::target(std::string_view target) {
  hash_.update(target);
  hash_.update(kEnd);
}

void TreeHash::content(const Sha256Digest& digest) {
  hash_.update({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

Sha256Digest TreeHash::finish() { return hash_.finish(); }

}  // namespace cooper::source
