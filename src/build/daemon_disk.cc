#include "build/daemon_disk.h"

#include "base/error.h"
#include "base/text.h"
#include "build/start.h"
#include "process/child.h"

#include <chrono>

namespace cooper::build {

namespace {

struct Answer {
  std::uint64_t bytes = 0;
  std::string version;
};

Answer ask(const std::string& address, const std::filesystem::path& certs,
           std::vector<std::string> more = {}) {
  constexpr std::chrono::minutes kLimit{31};  // the supervisor has its own, which are shorter
  std::vector<std::string> argv = {supervisor_program().string(), kCacheOption, address,
                                   certs.string()};
  argv.insert(argv.end(), more.begin(), more.end());
  const process::Captured done =
      process::run({.argv = std::move(argv), .environment = process::own_environment()}, kLimit);
  const std::string_view line = trim(done.out);
  const auto end = line.find(' ');
  const auto bytes = parse_number(line.substr(0, end));
  if (done.status.ok() && bytes) {
    return {.bytes = *bytes,
            .version = end == std::string_view::npos ? "" : std::string(line.substr(end + 1))};
  }
  std::string_view why = trim(done.err);
  if (const auto lead = why.find(": "); lead != std::string_view::npos) why.remove_prefix(lead + 2);
  throw Error(Errc::unavailable, shorten(printable(why.substr(0, why.find('\n'))), 300));
}

}  // namespace

DaemonDisk::DaemonDisk(std::string address, std::filesystem::path certs)
    : address_(std::move(address)), certs_(std::move(certs)) {
  const std::string version = ask(address_, certs_).version;
  name_ = "buildkit " + (version.empty() ? "" : version + " ") + "at " + address_;
}

engine::DiskUse DaemonDisk::use(const std::function<bool(const engine::KeptImage&)>&) const {
  return {.images = {}, .cache_bytes = ask(address_, certs_).bytes};
}

std::vector<std::string> DaemonDisk::remove(const std::vector<std::string>&) const { return {}; }

std::uint64_t DaemonDisk::cap_cache(std::uint64_t limit) const {
  return ask(address_, certs_, {std::to_string(limit)}).bytes;
}

}  // namespace cooper::build
