// The program's door: wires the parts together and lets the command line speak.

#include "base/error.h"
#include "base/fd.h"
#include "cli/cli.h"
#include "plugin/plugin.h"
#include "process/libexec.h"
#include "rack/local_rack.h"
#include "remote/server.h"

#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

using namespace cooper;

/// Becomes cooper-remote, which alone speaks HTTP.
[[noreturn]] void work_elsewhere(std::span<char*> arguments) {
  const std::string program = process::libexec_program("cooper-remote").string();
  std::vector<char*> argv(arguments.begin(), arguments.end());
  argv.push_back(nullptr);
  ::execv(program.c_str(), argv.data());
  throw_errno("start " + program);
}

/// Is a server chosen, that such a command line would work on?
bool works_elsewhere(std::span<char*> arguments) {
  const auto words = arguments.subspan(arguments.empty() ? 0 : 1);
  if (cli::runs_where(std::vector<std::string>(words.begin(), words.end())) == cli::Runs::here) {
    return false;
  }
  return remote::choose_server([](const char* name) {
           const char* value = std::getenv(name);
           return std::string(value ? value : "");
         })
      .has_value();
}

int run(std::span<char*> arguments) {
  const auto call = plugin::recognize(arguments);
  if (!call && works_elsewhere(arguments)) work_elsewhere(arguments);
  const store::Layout layout =
      call && call->from_folder ? plugin::dokku_layout() : store::default_layout();
  rack::LocalRack rack{layout};
  if (!call) return cli::run(arguments, rack);
  store::FileStore store{layout};
  return plugin::run(*call, rack, store);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    ensure_standard_streams();
    return run(std::span(argv, static_cast<std::size_t>(argc)));
  } catch (const Error& error) {  // boundary: main
    std::fprintf(stderr, "ERROR: %s\n", error.what());
    if (!error.hint().empty()) std::fprintf(stderr, "  hint: %s\n", error.hint().c_str());
    return exit_code(error.code());
  } catch (const std::exception& error) {  // boundary: main
    std::fprintf(stderr, "ERROR: %s\n", error.what());
    return 1;
  }
}
