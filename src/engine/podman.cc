#include "engine/podman.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "engine/docker_http.h"
#include "process/alive.h"
#include "process/descendants.h"
#include "process/proc.h"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <thread>
#include <unistd.h>

namespace cooper::engine {

namespace {

/// The last line that is not empty.
std::string last_line(std::string_view text) {
  text = trim(text);
  return printable(text.substr(text.rfind('\n') + 1));
}

std::string address_of(const std::filesystem::path& socket) { return "unix://" + socket.string(); }

}  // namespace

PodmanService::PodmanService() : service_(start()) {
  try {
    wait_until_it_answers();
  } catch (const Error&) {  // adapter: half a service is none
    service_.signal_group(SIGKILL);
    service_.wait();
    throw;
  }
}

PodmanService::~PodmanService() {
  try {
    end_child();
  } catch (const Error&) {  // boundary: it stays, and nothing else is harmed
  }
  service_.signal(SIGTERM);
  service_.wait();
}

/// The first Podman of a user who is not root makes the user namespace, serves in a child, and
/// leaves it behind when it is ended (seen with 4.3). What else is below it are containers.
void PodmanService::end_child() const {
  const std::string address = address_of(socket());
  for (const pid_t child : process::children_of(service_.pid())) {
    process::signal_process(child, SIGTERM, [&] {
      return process::read_of_process(child, "cmdline").find(address) != std::string::npos;
    });
  }
}

process::Child PodmanService::start() const {
  const Fd messages = open_file(folder_.path() / "messages", O_WRONLY | O_CREAT | O_APPEND, 0600);
  try {
    return process::Child::start({
        .argv = {"podman", "system", "service", "--time=0", address_of(socket())},
        // What it starts outlives us: none of it may be taken for a part of a build.
        .environment = process::own_environment({"DOKKU_BUILD_ID", "COOPER_BUILD_ID"}),
        .folder = "/",
        .out = messages.get(),
        .err = messages.get(),
        .death_signal = SIGTERM,
    });
  } catch (const Error& error) {  // adapter: say what to do
    if (error.code() != Errc::not_found) throw;
    throw Error(Errc::unavailable, "podman is not installed",
                "install it (Debian: podman), or build with a Docker Engine: its images run there");
  }
}

void PodmanService::wait_until_it_answers() {
  constexpr std::chrono::seconds kPatience{30};
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    try {
      const HttpReply reply =
          exchange(socket(), {.target = "/_ping", .limit = std::chrono::milliseconds(kPatience)});
      if (reply.status == 200) return;
    } catch (const Error&) {  // adapter: not yet
    }
    const bool has_ended = service_.poll().has_value();
    if (has_ended || std::chrono::steady_clock::now() > deadline) {
      const std::string said = read_file(folder_.path() / "messages").value_or("");
      throw Error(Errc::unavailable,
                  "podman does not serve its API: " +
                      shorten(said.empty() ? "it says nothing" : last_line(said), 300),
                  "`podman info` may tell more");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

bool has_podman() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets variables
  const char* path = std::getenv("PATH");
  for (const std::string_view folder : split(path ? path : "", ':')) {
    if (!folder.empty() &&
        ::access((std::filesystem::path(folder) / "podman").c_str(), X_OK) == 0) {
      return true;
    }
  }
  return false;
}

}  // namespace cooper::engine
