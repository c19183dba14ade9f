#include "engine/platform.h"

#include "base/file.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <sys/utsname.h>
#include <system_error>
#include <utility>

namespace cooper::engine {
namespace fs = std::filesystem;

namespace {

using Names = std::pair<std::string_view, std::string_view>;

/// As uname and qemu call an architecture, and as images do.
constexpr std::array<Names, 9> kMachines = {{{"x86_64", "amd64"},
                                             {"aarch64", "arm64"},
                                             {"armv7l", "arm/v7"},
                                             {"arm", "arm/v7"},
                                             {"i386", "386"},
                                             {"i686", "386"},
                                             {"ppc64le", "ppc64le"},
                                             {"s390x", "s390x"},
                                             {"riscv64", "riscv64"}}};

std::string of_machine(std::string_view machine) {
  const auto known = std::ranges::find(kMachines, machine, &Names::first);
  return "linux/" + std::string(known == kMachines.end() ? machine : known->second);
}

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= 32 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  });
}

/// An emulator that is loaded when it is registered ("F") is found in every container.
bool works_in_containers(const fs::path& entry) {
  const std::string text = read_file(entry).value_or("");
  if (!text.starts_with("enabled")) return false;
  for (const std::string_view line : split(text, '\n')) {
    if (line.starts_with("flags:") && line.find('F') != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace

Result<std::string> parse_platform(std::string_view text) {
  const auto parts = split(text, '/');
  if (parts.size() < 2 || parts.size() > 3 || !std::ranges::all_of(parts, is_word)) {
    return Error(Errc::invalid, "invalid platform \"" + shorten(printable(text), 60) + "\"",
                 "one such as linux/amd64, linux/arm64 or linux/arm/v7");
  }
  std::string machine(parts[1]);
  const auto known = std::ranges::find(kMachines, machine, &Names::first);
  if (known != kMachines.end()) machine = known->second;
  std::string platform = std::string(parts[0]) + "/" + machine;
  if (parts.size() == 3 && machine.find('/') == std::string::npos &&
      !(machine == "arm64" && parts[2] == "v8")) {
    platform += "/" + std::string(parts[2]);
  } else if (parts.size() == 3 && machine == "arm/v7") {
    platform = std::string(parts[0]) + "/arm/" + std::string(parts[2]);
  }
  return platform;
}

std::vector<std::string> host_platforms() {
  utsname names{};
  ::uname(&names);
  std::vector<std::string> platforms = {of_machine(names.machine)};
  if (platforms.front() == "linux/amd64") platforms.emplace_back("linux/386");
  constexpr std::string_view kEmulator = "qemu-";
  std::error_code failure;
  for (const fs::directory_entry& entry :
       fs::directory_iterator("/proc/sys/fs/binfmt_misc", failure)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(kEmulator) || !works_in_containers(entry.path())) continue;
    std::string platform = of_machine(name.substr(kEmulator.size()));
    if (std::ranges::find(platforms, platform) == platforms.end()) {
      platforms.push_back(std::move(platform));
    }
  }
  return platforms;
}

}  // namespace cooper::engine
