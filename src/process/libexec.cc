#include "process/libexec.h"

#include "base/error.h"

#include <unistd.h>

namespace cooper::process {
namespace fs = std::filesystem;

fs::path libexec_program(std::string_view name) {
  const fs::path folder = fs::read_symlink("/proc/self/exe").parent_path();
  const fs::path program = folder.filename() == "cooper"
                               ? folder / name
                               : folder.parent_path() / "libexec" / "cooper" / name;
  if (::access(program.c_str(), X_OK) != 0) {
    throw Error(Errc::unavailable, "the program " + program.string() + " can't be run",
                "install cooper again: its programs belong together");
  }
  return program;
}

}  // namespace cooper::process
