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
                      const HandedOn& handed_on) {
  const fs::path program = supervisor_program();
  Pipe ready = make_pipe();
  std::vector<std::string> argv = {
      program.string(), "--root",     layout.root().string(),           "--app", app.str(), "--id",
      id.str(),         "--ready-fd", std::to_string(ready.write.get())};
  if (layout.is_dokkus()) {
    argv.insert(argv.end(), {"--dokku-apps", layout.dokku_apps().string()});
  }
  std::vector<int> keep = {ready.write.get()};
  const auto hand_on = [&](const char* option, int fd) {
    if (fd < 0) return;
    keep.push_back(fd);
    argv.insert(argv.end(), {option, std::to_string(fd)});
  };
  hand_on("--lock-fd", handed_on.lock);
  hand_on("--ticket-fd", handed_on.ticket);
  hand_on("--secrets-fd", handed_on.secrets);
  if (const CommandStreams* streams = handed_on.streams) {
    hand_on("--input-fd", streams->input.get());
    hand_on("--terminal-fd", streams->terminal.get());
    hand_on("--master-fd", streams->master.get());
  }
  const process::Child child = process::Child::start({
      .argv = std::move(argv),
      .environment = process::own_environment(handed_on.environment),
      .folder = "/",
      .keep = std::move(keep),
      .group = process::Group::own_session,
  });
  ready.write.reset();
  const std::string answer = read_open_file(ready.read, "the supervisor's answer", 65536);
  if (answer != kStarted) throw_not_started(answer);
}

void start_supervisor(const store::Layout& layout, const AppName& app, const BuildId& id,
                      const store::DeployLock& lock, const CommandStreams& streams) {
  start_supervisor(layout, app, id, {.lock = lock.fd(), .streams = &streams});
}

}  // namespace cooper::build
