#include "process/reap.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "process/descendants.h"

#include <string>
#include <sys/wait.h>
#include <unistd.h>

namespace cooper::process {

namespace {

constexpr std::size_t kKernelKeeps = 15;

std::string program_of(pid_t pid) {
  try {
    return read_file("/proc/" + std::to_string(pid) + "/comm").value_or("");
  } catch (const Error&) {  // adapter: it was reaped meanwhile
    return "";
  }
}

}  // namespace

void reap_children_called(std::string_view program) {
  for (const pid_t child : children_of(::getpid())) {
    if (trim(program_of(child)) == program.substr(0, kKernelKeeps)) {
      ::waitpid(child, nullptr, WNOHANG);
    }
  }
}

}  // namespace cooper::process
