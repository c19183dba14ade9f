#include "source/foreign/unpack_archive.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "source/archive_reader.h"
#include "source/tree_walk.h"

#include <archive.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <clocale>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

namespace cooper::source::foreign {
namespace {

template <int (*filter)(archive*)>
int enable_tar(archive* reader) {
  return std::min(
      {archive_read_support_format_tar(reader), filter(reader), read_to_the_end(reader)});
}

int enable_zip(archive* reader) { return archive_read_support_format_zip_seekable(reader); }

ArchiveFormats formats_of(ArchiveType type) {
  switch (type) {
    case ArchiveType::tar:
      return {.enable = enable_tar<archive_read_support_filter_none>};
    case ArchiveType::tar_gz:
      return {.enable = enable_tar<archive_read_support_filter_gzip>};
    case ArchiveType::tar_zst:
      return {.enable = enable_tar<archive_read_support_filter_zstd>};
    case ArchiveType::tar_bz2:
      return {.enable = enable_tar<archive_read_support_filter_bzip2>};
    case ArchiveType::tar_xz:
      return {.enable = enable_tar<archive_read_support_filter_xz>};
    case ArchiveType::zip:
      break;
  }
  return {.enable = enable_zip, .access = ArchiveFormats::Access::file};
}

/// libarchive gives names in the locale's encoding, and what that can't hold as `?`. Names
/// are bytes here: this thread's is UTF-8 for a while.
class Utf8Names {
 public:
  Utf8Names() : utf8_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (utf8_) before_ = ::uselocale(utf8_);
  }
  ~Utf8Names() {
    if (!utf8_) return;
    ::uselocale(before_);
    ::freelocale(utf8_);
  }
  Utf8Names(const Utf8Names&) = delete;
  Utf8Names& operator=(const Utf8Names&) = delete;

 private:
  locale_t utf8_;
  locale_t before_ = nullptr;
};

ArchiveType type_of(int in, std::optional<ArchiveType> said) {
  std::array<char, kArchiveHead> head{};
  const ssize_t n = ::pread(in, head.data(), head.size(), 0);
  if (n < 0) throw_errno("read the archive");
  const ArchiveType type =
      archive_type_of(std::string_view(head.data(), static_cast<std::size_t>(n))).value();
  if (said && !is_called(type, *said)) {
    throw Error(Errc::invalid, "the archive is a " + std::string(text_of(type)) + ", no " +
                                   std::string(text_of(*said)));
  }
  return type;
}

/// Files that are made of too few bytes are no source.
UnpackLimits unpack_limits(int in, const ImportLimits& limits) {
  struct stat info {};
  if (::fstat(in, &info) != 0) throw_errno("read the archive");
  const auto size = static_cast<std::uint64_t>(info.st_size);
  UnpackLimits made{.entries = limits.entries, .bytes = limits.bytes, .depth = limits.depth};
  if (size > limits.bytes / limits.ratio) return made;
  const std::uint64_t plausible = std::max(ImportLimits::kUnsuspicious, size * limits.ratio);
  if (plausible >= limits.bytes) return made;
  made.bytes = plausible;
  made.bytes_because = " in an archive of " + human_bytes(size) + ": it may be a bomb";
  return made;
}

/// After unpacking, when every name that a link's target may lead through is there.
class LinkCheck : public TreeVisitor {
 public:
  explicit LinkCheck(const std::filesystem::path& root)
      : root_(open_file(root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)) {}

  void entry(const TreeEntry& entry) override {
    if (!S_ISLNK(entry.info.st_mode)) return;
    const auto target = link_target(entry);
    if (target && !leads_out(entry.path, *target)) return;
    throw Error(Errc::corrupt, "the archive's " + printable(entry.path) +
                                   " is a link that leads out of it, to " +
                                   printable(target.value_or("?")));
  }

  void left_out(std::string_view path, LeftOut why) override {
    throw Error(Errc::corrupt,
                "the archive's " + printable(path) + " " + std::string(text_of(why)));
  }

 private:
  bool leads_out(std::string_view path, std::string_view target) const {
    if (target.starts_with('/')) return true;
    // What is not there now, but might be one day: read as it is written.
    auto depth = std::ranges::count(path, '/');
    for (const std::string_view part : split(target, '/')) {
      if (part.empty() || part == ".") continue;
      depth += part == ".." ? -1 : 1;
      if (depth < 0) return true;
    }
    // What is there, perhaps through other links: as the kernel reads it.
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    const Fd there(static_cast<int>(
        ::syscall(SYS_openat2, root_.get(), std::string(path).c_str(), &how, sizeof how)));
    return !there && errno == EXDEV;
  }

  Fd root_;
};

}  // namespace

Imported unpack_archive(int in, const std::filesystem::path& target, const ImportLimits& limits,
                        std::optional<ArchiveType> said, std::stop_token stop) {
  const Utf8Names names;
  Imported imported{.type = type_of(in, said), .unpacked = {}};
  ArchiveReader archive(in, stop, formats_of(imported.type));
  imported.unpacked = unpack_foreign(archive, target, unpack_limits(in, limits), stop);
  if (imported.unpacked.files + imported.unpacked.folders + imported.unpacked.links == 0) {
    throw Error(Errc::corrupt, "the archive holds no file");
  }
  const std::filesystem::path source = source_folder(target);
  LinkCheck check(source);
  walk_tree(source, {}, check, std::move(stop));
  return imported;
}

}  // namespace cooper::source::foreign
