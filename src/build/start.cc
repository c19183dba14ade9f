#include "build/start.h"

#include "base/error_line.h"
#include "base/fd.h"
#include "base/file.h"
#include "process/child.h"
#include "process/libexec.h"

#include <filesystem>

namespace cooper::build {
namespace fs = std::filesystem;

namespace {

[[noreturn]] void throw_not_started(std::string_view answer) {
  if (const auto error = parse_error_line(answer)) throw Error(*error);
  throw Error(Errc::unavailable, "the supervisor ended before the build had begun",
              "run the command again; if it stays so, `dmesg` may tell what killed it");
}

}  // namespace

fs::path supervisor_program() { return process::libexec_program(kSupervisorName); }

void start_supervisor(const store::Layout& layout, const AppName& app, const BuildId& id,
                      const store::DeployLock& lock, const CommandStreams& streams,
                      const Fd& secrets) {
  const fs::path program = supervisor_program();
  Pipe ready = make_pipe();
  std::vector<std::string> argv = {program.string(),
                                   "--root",
                                   layout.root().string(),
                                   "--app",
                                   app.str(),
                                   "--id",
                                   id.str(),
                                   "--lock-fd",
                                   std::to_string(lock.fd()),
                                   "--ready-fd",
                                   std::to_string(ready.write.get())};
  if (layout.is_dokkus()) {
    argv.insert(argv.end(), {"--dokku-apps", layout.dokku_apps().string()});
  }
  std::vector<int> keep = {lock.fd(), ready.write.get()};
  const auto hand_on = [&](const char* option, const Fd& fd) {
    if (!fd) return;
    keep.push_back(fd.get());
    argv.insert(argv.end(), {option, std::to_string(fd.get())});
  };
  hand_on("--input-fd", streams.input);
  hand_on("--terminal-fd", streams.terminal);
  hand_on("--master-fd", streams.master);
  hand_on("--secrets-fd", secrets);
  const process::Child child = process::Child::start({
      .argv = std::move(argv),
      .environment = process::own_environment(),
      .folder = "/",
      .keep = std::move(keep),
      .group = process::Group::own_session,
  });
  ready.write.reset();
  const std::string answer = read_open_file(ready.read, "the supervisor's answer", 65536);
  if (answer != kStarted) throw_not_started(answer);
}

}  // namespace cooper::build
