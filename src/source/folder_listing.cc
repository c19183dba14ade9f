#include "source/folder_listing.h"

#include "base/error.h"
#include "base/fd.h"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <memory>

namespace cooper::source {
namespace {

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

}  // namespace

FolderListing::FolderListing(int folder, const std::string& shown) {
  Fd copy(::fcntl(folder, F_DUPFD_CLOEXEC, 0));
  const std::unique_ptr<DIR, CloseDir> dir(copy ? ::fdopendir(copy.get()) : nullptr);
  if (!dir) throw_errno("read folder " + shown);
  static_cast<void>(copy.release());  // now owned by `dir`
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(dir.get());  // NOLINT(concurrency-mt-unsafe): own stream
    if (!entry) {
      if (errno != 0) throw_errno("read folder " + shown);
      break;
    }
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    entries_.push_back({static_cast<std::uint32_t>(names_.size()),
                        static_cast<std::uint16_t>(name.size()), entry->d_type});
    names_.append(name).push_back('\0');
  }
  std::ranges::sort(entries_, [&](const Entry& a, const Entry& b) { return name(a) < name(b); });
}

bool is_gone(int error_number) noexcept {
  return error_number == ENOENT || error_number == ELOOP || error_number == ENOTDIR ||
         error_number == ENXIO;
}

}  // namespace cooper::source
