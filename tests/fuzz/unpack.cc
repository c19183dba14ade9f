// Any bytes as an archive: unpacked or refused, and nothing outside of the folder
// is made, changed or removed.

#include "source/unpack.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "fuzz/fuzz.h"
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
    const source::UnpackLimits limits{.entries = 100, .bytes = std::uint64_t{1} << 20};
    const source::UnpackResult result = source::unpack(archive.get(), target, limits);
    fuzz::require(result.files + result.folders + result.links <= limits.entries, "few entries");
    fuzz::require(result.bytes <= limits.bytes, "few bytes");
  } catch (const Error& error) {
    fuzz::require(error.code() != Errc::internal, "a bad archive is no bug of ours");
  }
  require_untouched(folder);
  remove_tree(target);
  return 0;
}
