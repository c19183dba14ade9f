// Runs a fuzz target over the files of some folders, where there is no fuzzer:
// what was once found stays found.

#include "base/file.h"
#include "fuzz/fuzz.h"

#include <cstdio>
#include <filesystem>

int main(int argc, char** argv) {
  int files = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      const std::string text = cooper::read_file(entry.path()).value();
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
      ++files;
    }
  }
  std::printf("%d inputs\n", files);
  return files > 0 ? 0 : 1;
}
