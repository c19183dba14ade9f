// Podman's API as a user who is not root has it.

#include "base/file.h"
#include "engine/podman.h"
#include "process/proc.h"
#include "unit/test_support.h"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <grp.h>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace cooper::engine {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kNobody = 65534;

std::vector<pid_t> processes_with(const std::string& text) {
  std::vector<pid_t> found;
  for (const process::ProcessFacts& each : process::list_processes()) {
    const bool has_it =
        process::read_of_process(each.pid, "cmdline").find(text) != std::string::npos;
    if (each.lives && has_it) found.push_back(each.pid);
  }
  return found;
}

/// As nobody, at home in `home`: starts and ends the service. Does not return.
[[noreturn]] void serve_as_nobody(const fs::path& home, const fs::path& told) {
  const std::string runtime = (home / "run").string();
  const bool is_nobody = ::setgroups(0, nullptr) == 0 && ::setgid(kNobody) == 0 &&
                         ::setuid(kNobody) == 0 && ::setenv("HOME", home.c_str(), 1) == 0 &&
                         ::setenv("XDG_RUNTIME_DIR", runtime.c_str(), 1) == 0;
  int code = is_nobody ? 0 : 2;
  try {
    const PodmanService service;
    write_file_durably(told, service.socket().string(), 0600);
  } catch (const std::exception& error) {
    write_file_durably(told, error.what(), 0600);
    code = 1;
  }
  ::_exit(code);
}

/// The first one makes the user namespace, and serves in a child.
TEST(PodmanService, LeavesNothingBehindForAUserWhoIsNotRoot) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  if (!has_podman()) GTEST_SKIP() << "podman is not installed";
  const TempFolder folder;
  for (const fs::path& path : {folder / "home", folder / "home" / "run"}) {
    fs::create_directory(path);
    fs::permissions(path, fs::perms{0700});
    ASSERT_EQ(::chown(path.c_str(), kNobody, kNobody), 0);
  }
  fs::permissions(folder.path(), fs::perms{0711});
  const fs::path told = folder / "home" / "told";
  const pid_t child = ::fork();
  if (child == 0) serve_as_nobody(folder / "home", told);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  // What holds the namespace, which Podman leaves for the next one.
  const auto holder = read_file(folder / "home" / "run" / "libpod" / "tmp" / "pause.pid");
  if (holder && !holder->empty()) ::kill(std::stoi(*holder), SIGKILL);
  const std::string socket = read_file(told).value_or("nothing");
  if (WEXITSTATUS(status) == 1) GTEST_SKIP() << "nobody can't use podman here: " << socket;
  ASSERT_EQ(status, 0);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!processes_with(socket).empty() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  const std::vector<pid_t> left = processes_with(socket);
  EXPECT_TRUE(left.empty()) << "of " << socket;
  for (const pid_t pid : left) ::kill(pid, SIGKILL);
}

}  // namespace
}  // namespace cooper::engine
