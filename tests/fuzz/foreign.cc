// Any bytes as an archive of any kind, made by anybody: unpacked or refused, nothing outside
// of the folder is made, changed or removed, and no link leads there.

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "fuzz/fuzz.h"
#include "source/foreign/unpack_archive.h"
#include "unit/test_support.h"

#include <sys/mman.h>
#include <unistd.h>

namespace {

using namespace cooper;

constexpr std::string_view kCanary = "nobody may touch this";

void require_untouched(const TempFolder& folder) {
  fuzz::require(list_folder(folder.path()).size() == 2, "nothing appears beside the folder");
  fuzz::require(list_folder(folder / "outside").size() == 1, "nor elsewhere");
  fuzz::require(read_file(folder / "outside/canary") == kCanary, "and what is there stays");
  fuzz::require(mode_of(folder / "outside/canary") == 0640, "with its mode");
}

/// By the file system's own reading of every link.
void require_inside(const std::filesystem::path& target) {
  const std::string root = std::filesystem::canonical(target).string() + "/";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(target)) {
    std::error_code failed;
    const std::string at = std::filesystem::canonical(entry.path(), failed).string() + "/";
    fuzz::require(failed || at.starts_with(root), "links lead to what is in the folder");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const TempFolder folder;
  const auto target = folder / "target";
  if (!std::filesystem::exists(folder / "outside")) {
    write_text(folder / "outside/canary", kCanary);
    std::filesystem::permissions(folder / "outside/canary", std::filesystem::perms{0640});
  }
  make_folders(target);
  const Fd archive(::memfd_create("archive", MFD_CLOEXEC));
  write_all(archive.get(), fuzz::text_of(data, size));
  ::lseek(archive.get(), 0, SEEK_SET);
  try {
    const source::ImportLimits limits{.entries = 100, .bytes = std::uint64_t{1} << 20, .depth = 10};
    const source::Imported imported =
        source::foreign::unpack_archive(archive.get(), target, limits, std::nullopt);
    const source::UnpackResult& unpacked = imported.unpacked;
    fuzz::require(unpacked.files + unpacked.folders + unpacked.links <= limits.entries,
                  "few entries");
    fuzz::require(unpacked.bytes <= limits.bytes, "few bytes");
    require_inside(target);
  } catch (const Error& error) {
    fuzz::require(error.code() != Errc::internal, "a bad archive is no bug of ours");
  }
  require_untouched(folder);
  remove_tree(target);
  return 0;
}
