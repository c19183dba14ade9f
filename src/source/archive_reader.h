#pragma once
// Archives as others write them, by libarchive.

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

struct archive;

namespace cooper::source {

struct ArchiveEntry {
  enum class Kind : std::uint8_t { file, folder, symbolic_link, hard_link };
  Kind kind = Kind::file;
  std::string path;        ///< as it is written there: not to be trusted
  std::string target;      ///< of a link, likewise
  unsigned mode = 0;       ///< permission bits and the three above them
  std::uint64_t size = 0;  ///< of a file's content; 0 for the rest
  std::int64_t mtime = 0;  ///< seconds since 1970, never before
};

/// Which formats a reader takes. Each is a parser that an archive's maker can reach, and
/// some bring libraries along, so they are named where they are needed.
struct ArchiveFormats {
  /// Gives them to libarchive; its result, ARCHIVE_OK or not.
  int (*enable)(archive* reader);
  enum class Access : std::uint8_t {
    stream,
    file,  ///< may be read from any place on: a zip's list of files stands at its end
  } access = Access::stream;
};

/// An option for libarchive's tar: reads on behind the end mark, so that who writes the
/// archive can finish, and a compressor's checksum, the stream's last bytes, is looked at.
int read_to_the_end(archive* reader);

/// Those of our own archives: tar of every dialect, plain or compressed with zstd.
extern const ArchiveFormats kOwnFormats;

/// The next piece of a stream, valid until the next call; empty at its end. Throws Error.
using NextPiece = std::function<std::string_view()>;

/// Reads one archive, entry by entry, in bounded memory. Every call throws
/// Error{corrupt} for what is no such archive, is damaged or cut, or holds a
/// device, a sparse or encrypted file or another kind that is not in
/// ArchiveEntry::Kind; it names the entry where there is one. Error{canceled} on a stop
/// request, another Error if the bytes can't be read.
class ArchiveReader {
 public:
  /// `in` is borrowed.
  explicit ArchiveReader(int in, std::stop_token stop = {},
                         const ArchiveFormats& formats = kOwnFormats);
  /// One that somebody else reads, such as an archive in another one: without a copy.
  explicit ArchiveReader(NextPiece next_piece, std::stop_token stop = {},
                         const ArchiveFormats& formats = kOwnFormats);

  /// Skips what is left of the entry before. nullopt at the archive's end, the
  /// stream then having been read to its end.
  std::optional<ArchiveEntry> next();

  /// The next part of the current file's content, valid until the next call;
  /// empty at its end.
  std::string_view content();

 private:
  ArchiveReader(int in, NextPiece next_piece, std::stop_token stop, const ArchiveFormats& formats);
  static ssize_t read_more(archive* reader, void* self, const void** bytes);
  static std::int64_t seek(archive* reader, void* self, std::int64_t offset, int whence);
  ssize_t fill(const void** bytes) noexcept;
  bool has_end_mark() const;
  [[noreturn]] void failed(const char* where);

  struct Free {
    void operator()(archive* reader) const;
  };

  int in_;
  NextPiece next_piece_;  ///< empty: in_ is read
  std::stop_token stop_;
  std::vector<char> buffer_;
  std::exception_ptr failure_;  ///< of fill()
  std::unique_ptr<archive, Free> reader_;
  std::string path_;              ///< of the current entry
  std::uint64_t size_ = 0;        ///< of its content
  std::uint64_t handed_out_ = 0;  ///< of that
};

}  // namespace cooper::source
