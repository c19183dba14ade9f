// The program's door: wires the parts together and lets the command line speak.

#include "base/error.h"
#include "base/fd.h"
#include "cli/cli.h"
#include "rack/local_rack.h"

#include <cstdio>
#include <span>

int main(int argc, char** argv) {
  try {
    cooper::ensure_standard_streams();
    cooper::rack::LocalRack rack{cooper::store::default_layout()};
    return cooper::cli::run(std::span(argv, static_cast<std::size_t>(argc)), rack);
  } catch (const cooper::Error& error) {  // boundary: main
    std::fprintf(stderr, "ERROR: %s\n", error.what());
    if (!error.hint().empty()) std::fprintf(stderr, "  hint: %s\n", error.hint().c_str());
    return cooper::exit_code(error.code());
  } catch (const std::exception& error) {  // boundary: main
    std::fprintf(stderr, "ERROR: %s\n", error.what());
    return 1;
  }
}
