#include "source/archive_writer.h"

#include <sys/stat.h>
#include <utility>

namespace cooper::source {
namespace {

constexpr mode_t kPermissions = 0777;

}  // namespace

ArchiveWriter::ArchiveWriter(int out, const ArchiveSettings& settings, std::stop_token stop)
    : compressed_(out, zstd_compressor(settings.level), settings.threads, SegmentCut::kMost),
      tar_(compressed_, settings.mtime, std::move(stop)) {
  table_.maker = ArchiveMaker::here(settings.level, settings.mtime);
}

void ArchiveWriter::begin(std::string_view path, std::uint64_t size) {
  if (cut_.before(path, size) || begun_.empty()) {
    compressed_.end_block();
    begun_.push_back({0, compressed_.blocks()});
  }
  ++begun_.back().entries;
}

void ArchiveWriter::folder(std::string_view path, mode_t mode) {
  begin(path, 0);
  tar_.folder(path, mode & kPermissions);
  table_.list.folder(path, mode);
}

void ArchiveWriter::link(std::string_view path, mode_t mode, std::string_view target) {
  begin(path, 0);
  tar_.link(path, target);
  table_.list.link(path, mode, target);
}

TarWriter::Written ArchiveWriter::file(std::string_view path, mode_t mode, std::uint64_t size,
                                       int fd) {
  begin(path, size);
  const TarWriter::Written written = tar_.file(path, mode & kPermissions, size, fd);
  table_.list.file(path, mode, size, written.digest);
  return written;
}

void ArchiveWriter::taken_entry(const ListEntry& entry) {
  begin(entry.path, entry.size);
  if (S_ISDIR(entry.mode)) {
    table_.list.folder(entry.path, entry.mode);
  } else if (S_ISLNK(entry.mode)) {
    table_.list.link(entry.path, entry.mode, entry.target);
  } else {
    table_.list.file(entry.path, entry.mode, entry.size, *entry.content);
  }
}

std::uint64_t ArchiveWriter::bytes_of_blocks(std::uint64_t first, std::uint64_t last) const {
  std::uint64_t bytes = 0;
  for (; first < last; ++first) bytes += compressed_.block_bytes()[first];
  return bytes;
}

void ArchiveWriter::finish() {
  compressed_.finish();
  if (!table_.list.dropped()) {
    for (std::size_t i = 0; i < begun_.size(); ++i) {
      const std::uint64_t after =
          i + 1 < begun_.size() ? begun_[i + 1].first_block : compressed_.blocks();
      table_.segments.push_back({begun_[i].entries, bytes_of_blocks(begun_[i].first_block, after)});
    }
    compressed_.write_compressed(table_.frame());
  }
  tar_.finish();
  compressed_.finish();
}

}  // namespace cooper::source
