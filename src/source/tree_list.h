#pragma once
// What a tree holds, entry by entry, in memory.

#include "base/sha256.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace cooper::source {

/// One entry of a list; borrows from it.
struct ListEntry {
  std::string_view path;
  mode_t mode = 0;          ///< kind (S_IFDIR, S_IFLNK or S_IFREG) and permission bits
  std::string_view target;  ///< of a symbolic link
  std::uint64_t size = 0;   ///< of a file
  const Sha256Digest* content = nullptr;  ///< of a file
};

/// Entries in the order of walk_tree(). Two entries are the same exactly if their texts and
/// their digests are: see docs/formats.md.
class TreeList {
 public:
  /// Of texts and digests together. A list that would need more is dropped, so that memory
  /// is bounded; some 150,000 files fit.
  static constexpr std::size_t kMostBytes = std::size_t{16} << 20;

  void folder(std::string_view path, mode_t mode);
  void link(std::string_view path, mode_t mode, std::string_view target);
  void file(std::string_view path, mode_t mode, std::uint64_t size, const Sha256Digest& content);

  /// More was added than fits; it is empty and stays so.
  bool dropped() const { return dropped_; }
  std::uint64_t entries() const { return entries_; }

  const std::string& text() const { return text_; }
  const std::vector<Sha256Digest>& digests() const { return digests_; }
  /// nullopt if they are not the parts of a list.
  static std::optional<TreeList> from(std::string text, std::vector<Sha256Digest> digests);

  /// Goes through the list once.
  class Reader {
   public:
    explicit Reader(const TreeList& list) : list_(&list) {}
    /// nullopt at the end.
    std::optional<ListEntry> next();
    /// Bytes of the text, and digests, that were read so far.
    std::size_t text_read() const { return at_; }
    std::size_t digests_read() const { return digest_; }

   private:
    std::optional<std::string_view> until_nul();
    bool at_end() const { return at_ == list_->text_.size(); }
    friend class TreeList;

    const TreeList* list_;
    std::size_t at_ = 0;
    std::size_t digest_ = 0;
  };

  /// As tree_digest() has it.
  Sha256Digest digest() const;

 private:
  void add(char kind, std::string_view path, mode_t mode);
  void bound();

  std::string text_;
  std::vector<Sha256Digest> digests_;  ///< of the files, in order
  std::uint64_t entries_ = 0;
  bool dropped_ = false;
};

/// Does walk_tree() meet `a` before `b`? Neither path is empty.
bool comes_before(std::string_view a, std::string_view b);

}  // namespace cooper::source
