// The program's door: wires the parts together and lets the command line speak.

#include "base/error.h"
#include "base/fd.h"
#include "cli/cli.h"
#include "plugin/plugin.h"
#include "rack/local_rack.h"

#include <cstdio>
#include <span>

namespace {

int run(std::span<char*> arguments) {
  const auto call = cooper::plugin::recognize(arguments);
  const cooper::store::Layout layout =
      call && call->from_folder ? cooper::plugin::dokku_layout() : cooper::store::default_layout();
  cooper::rack::LocalRack rack{layout};
  if (!call) return cooper::cli::run(arguments, rack);
  cooper::store::FileStore store{layout};
  return cooper::plugin::run(*call, rack, store);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    cooper::ensure_standard_streams();
    return run(std::span(argv, static_cast<std::size_t>(argc)));
  } catch (const cooper::Error& error) {  // boundary: main
    std::fprintf(stderr, "ERROR: %s\n", error.what());
    if (!error.hint().empty()) std::fprintf(stderr, "  hint: %s\n", error.hint().c_str());
    return cooper::exit_code(error.code());
  } catch (const std::exception& error) {  // boundary: main
    std::fprintf(stderr, "ERROR: %s\n", error.what());
    return 1;
  }
}
