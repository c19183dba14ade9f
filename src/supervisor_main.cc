// cooper-supervisor: runs one build, or asks a BuildKit daemon what it keeps. Started by
// cooper, not by people.

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "build/daemon_disk.h"
#include "build/supervisor.h"
#include "engine/buildkit/cache.h"
#include "engine/buildkit/make_engine.h"

#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <string>
#include <unistd.h>

namespace {

/// A descriptor that was handed on by number. The engines must not get it: they
/// would hold the deploy lock.
cooper::Fd take_fd(const std::string& text) {
  const auto number = cooper::parse_number(text);
  if (!number || ::fcntl(static_cast<int>(*number), F_SETFD, FD_CLOEXEC) != 0) {
    throw cooper::Error(cooper::Errc::invalid, "\"" + text + "\" is no open descriptor");
  }
  return cooper::Fd(static_cast<int>(*number));
}

cooper::build::SupervisorTask parse(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  const auto option = [&](const char* name) {
    const auto found = options.find(name);
    if (found == options.end()) {
      throw cooper::Error(cooper::Errc::invalid, std::string(name) + " is missing",
                          "cooper starts this program; run `cooper build`");
    }
    return found->second;
  };
  const auto handed_on = [&](const char* name) {
    const auto found = options.find(name);
    return found == options.end() ? cooper::Fd() : take_fd(found->second);
  };
  const cooper::AppName app = cooper::AppName::parse(option("--app")).value();
  const cooper::BuildId id = cooper::BuildId::parse(option("--id")).value();
  std::optional<cooper::build::HeldTicket> ticket;
  if (cooper::Fd file = handed_on("--ticket-fd")) {
    ticket = cooper::build::HeldTicket{.app = app, .id = id, .file = std::move(file)};
  }
  const auto dokku_apps = options.find("--dokku-apps");
  return {.layout = dokku_apps == options.end()
                        ? cooper::store::Layout(option("--root"))
                        : cooper::store::Layout::of_dokku(option("--root"), dokku_apps->second),
          .app = app,
          .id = id,
          .deploy_lock = ticket ? handed_on("--lock-fd") : take_fd(option("--lock-fd")),
          .ready = take_fd(option("--ready-fd")),
          .ticket = std::move(ticket),
          .streams = {.input = handed_on("--input-fd"),
                      .terminal = handed_on("--terminal-fd"),
                      .master = handed_on("--master-fd")},
          .secrets = handed_on("--secrets-fd"),
          .make_engine = cooper::engine::make_engine};
}

/// `--buildkit-cache ADDRESS CERTS [LIMIT]` (build/daemon_disk.h): cooper, which links no
/// gRPC, has it ask.
int tell_cache(int argc, char** argv) {
  namespace engine = cooper::engine;
  const engine::EngineChoice daemon{
      .kind = engine::EngineKind::buildkit, .address = argv[2], .certs = argv[3], .why = {}};
  if (argc == 4) {
    const engine::buildkit::CacheUse use = engine::buildkit::cache_use(daemon);
    std::printf("%llu %s\n", static_cast<unsigned long long>(use.bytes), use.version.c_str());
    return 0;
  }
  const auto limit = cooper::parse_number(argv[4]);
  if (!limit) throw cooper::Error(cooper::Errc::invalid, "the limit is no number");
  std::printf("%llu\n",
              static_cast<unsigned long long>(engine::buildkit::cap_cache(daemon, *limit)));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    cooper::ensure_standard_streams();
    if (argc == 2 && std::strcmp(argv[1], "--version") == 0) {
      std::puts("cooper-supervisor " COOPER_VERSION);
      return 0;
    }
    if (argc >= 4 && std::strcmp(argv[1], cooper::build::kCacheOption) == 0) {
      return tell_cache(argc, argv);
    }
    return cooper::build::supervise(parse(argc, argv));
  } catch (const cooper::Error& error) {  // boundary: main
    std::fprintf(stderr, "cooper-supervisor: %s\n", error.what());
    if (!error.hint().empty()) std::fprintf(stderr, "  hint: %s\n", error.hint().c_str());
    return cooper::exit_code(error.code());
  } catch (const std::exception& error) {  // boundary: main
    std::fprintf(stderr, "cooper-supervisor: %s\n", error.what());
    return 1;
  }
}
