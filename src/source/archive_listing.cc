#include "source/archive_listing.h"

#include "base/error.h"
#include "base/sha256.h"

#include <optional>
#include <utility>

namespace cooper::source {

std::map<std::string, ListedEntry> list_archive(int in, std::stop_token stop) {
  constexpr std::size_t kMostEntries = 1'000'000;  // as unpack takes
  std::map<std::string, ListedEntry> entries;
  ArchiveReader reader(in, std::move(stop));
  while (std::optional<ArchiveEntry> entry = reader.next()) {
    ListedEntry listed{.kind = entry->kind, .mode = entry->mode, .content = entry->target};
    if (entry->kind == ArchiveEntry::Kind::file) {
      Sha256 hash;
      for (std::string_view part = reader.content(); !part.empty(); part = reader.content()) {
        hash.update(part);
      }
      listed.content = hex(hash.finish());
    }
    entries.insert_or_assign(std::move(entry->path), std::move(listed));
    if (entries.size() > kMostEntries) {
      throw Error(Errc::corrupt, "the archive holds more than a million entries");
    }
  }
  return entries;
}

}  // namespace cooper::source
