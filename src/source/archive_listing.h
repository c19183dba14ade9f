#pragma once
// What an archive holds, without unpacking it.

#include "source/archive_reader.h"

#include <map>
#include <stop_token>
#include <string>

namespace cooper::source {

/// What tells one state of an entry from another.
struct ListedEntry {
  ArchiveEntry::Kind kind = ArchiveEntry::Kind::file;
  unsigned mode = 0;
  std::string content;  ///< of a file the SHA-256 (64 hex), of a link its target
  bool operator==(const ListedEntry&) const = default;
};

/// All entries by their paths, as they are written there: not to be trusted. Of two entries
/// of one path the later counts. Reads `in` to its end; throws as ArchiveReader does, and
/// Error{corrupt} for more than a million entries.
std::map<std::string, ListedEntry> list_archive(int in, std::stop_token stop = {});

}  // namespace cooper::source
