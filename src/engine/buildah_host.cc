#include "engine/buildah_host.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "process/child.h"

#include <boost/json.hpp>

#include <csignal>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <utility>

namespace cooper::engine {

namespace {

namespace json = boost::json;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// Path of a program in PATH; empty if there is none.
std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return ::access(name.c_str(), X_OK) == 0 ? name : "";
  const std::string path = variable("PATH");
  for (const std::string_view folder : split(path, ':')) {
    std::string candidate = std::string(folder.empty() ? "." : folder) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

/// Changes whenever the file does.
std::string stamp(const std::string& path) {
  struct stat facts {};
  if (path.empty() || ::stat(path.c_str(), &facts) != 0) return path + " absent";
  return path + " " + std::to_string(facts.st_size) + " " + std::to_string(facts.st_mtim.tv_sec) +
         "." + std::to_string(facts.st_mtim.tv_nsec);
}

struct Programs {
  std::string buildah;
  std::string crun;
  std::string runc;
};

/// Everything that what we remember depends on.
std::string host_key(const Programs& programs) {
  std::vector<std::string> parts = {"1", stamp(programs.buildah), stamp(programs.crun),
                                    stamp(programs.runc), std::to_string(::getuid())};
  utsname kernel{};
  ::uname(&kernel);
  parts.emplace_back(kernel.release);
  struct statfs cgroups {};
  ::statfs("/sys/fs/cgroup", &cgroups);
  parts.push_back(std::to_string(cgroups.f_type));
  for (const char* name :
       {"CONTAINERS_STORAGE_CONF", "STORAGE_DRIVER", "STORAGE_OPTS", "CONTAINERS_CONF"}) {
    parts.push_back(stamp(variable(name)));
  }
  for (const char* path : {"/etc/containers/storage.conf", "/usr/share/containers/storage.conf"}) {
    parts.push_back(stamp(path));
  }
  if (::getuid() != 0) {
    const std::string home = variable("HOME");
    parts.push_back(variable("XDG_DATA_HOME"));
    parts.push_back(variable("XDG_CONFIG_HOME"));
    parts.push_back(stamp(home + "/.config/containers/storage.conf"));
  }
  return join(parts, "|");
}

process::Captured run(std::vector<std::string> argv) {
  return process::run({.argv = std::move(argv),
                       .environment = process::own_environment(),
                       .death_signal = SIGTERM});
}

/// The one sentence in what buildah printed that says why nothing ran.
std::string cause_in(std::string_view printed, std::string_view probe) {
  const std::string behind = "creating container for [" + std::string(probe) + "]: ";
  if (const std::size_t at = printed.find(behind); at != std::string_view::npos) {
    printed.remove_prefix(at + behind.size());
  }
  if (constexpr std::string_view kMessage = "msg=\""; printed.starts_with("time=")) {
    if (const std::size_t at = printed.find(kMessage); at != std::string_view::npos) {
      printed.remove_prefix(at + kMessage.size());
    }
  }
  return shorten(printable(trim(printed.substr(0, printed.find('\n')))), 160);
}

/// Tries each isolation in a working container without any file in it: if the
/// answer is that the program in it is not there, the isolation itself works.
void probe_isolation(BuildahHost& host, const Programs& programs) {
  constexpr std::string_view kAbsent = "/nonexistent";
  const process::Captured made = run({host.program, "from", "scratch"});
  const std::string container(trim(made.out));
  if (!made.status.ok() || container.empty()) {
    throw Error(Errc::unavailable,
                "buildah can't make containers here: " + shorten(printable(trim(made.err)), 300));
  }
  struct Remove {
    const BuildahHost& host;
    const std::string& container;
    ~Remove() {
      try {
        run({host.program, "rm", container});
      } catch (const Error&) {  // adapter: a destructor; an empty container is no harm
      }
    }
  } const remove{host, container};

  std::vector<std::string> rejected;  // "oci with /usr/bin/crun: cgroups in hybrid mode ..."
  std::vector<Isolation> candidates;
  for (const std::string& runtime : {programs.crun, programs.runc}) {
    if (!runtime.empty()) candidates.push_back({"oci", runtime});
  }
  candidates.push_back({"chroot", ""});
  for (const Isolation& candidate : candidates) {
    std::vector<std::string> argv = {host.program,   "run",       "--isolation",
                                     candidate.kind, "--network", "host"};
    if (!candidate.runtime.empty()) argv.insert(argv.end(), {"--runtime", candidate.runtime});
    argv.insert(argv.end(), {container, "--", std::string(kAbsent)});
    const std::string cause = cause_in(run(argv).err, kAbsent);
    if (cause.find(kAbsent) != std::string::npos &&
        cause.find("o such file or directory") != std::string::npos) {
      host.isolation = candidate;
      return;
    }
    const std::string with = candidate.runtime.empty() ? "" : " with " + candidate.runtime;
    rejected.push_back(candidate.kind + with + ": " + cause);
  }
  throw Error(Errc::unavailable, "buildah can't run anything on this host: " + join(rejected, "; "),
              "apt-get install runc, or run cooper as root");
}

std::string version_in(std::string_view text) {  // "buildah version 1.28.2 (image-spec ...)"
  const std::vector<std::string_view> words = split(trim(text), ' ');
  return words.size() >= 3 ? printable(words[2]) : "unknown";
}

void ask_store(BuildahHost& host) {
  const process::Captured info = run({host.program, "info"});
  try {
    const json::value parsed = json::parse(info.out);
    const json::object& store = parsed.at("store").as_object();
    host.graph_root = std::string(store.at("GraphRoot").as_string());
    host.graph_driver = std::string(store.at("GraphDriverName").as_string());
  } catch (const std::exception&) {  // adapter: Boost.JSON
    throw Error(Errc::unavailable, "buildah does not tell where it keeps images: " +
                                       shorten(printable(trim(info.err)), 300));
  }
}

std::optional<BuildahHost> remembered(const std::filesystem::path& file, const std::string& key) {
  try {
    const std::optional<std::string> text = read_file(file, 1 << 16);
    if (!text) return std::nullopt;
    const json::value parsed = json::parse(*text);
    const json::object& fields = parsed.as_object();
    const auto field = [&](const char* name) { return std::string(fields.at(name).as_string()); };
    if (field("key") != key) return std::nullopt;
    return BuildahHost{.program = field("program"),
                       .version = field("version"),
                       .isolation = {field("isolation"), field("runtime")},
                       .graph_root = field("graph_root"),
                       .graph_driver = field("graph_driver")};
  } catch (const std::exception&) {  // adapter: what can't be read is not remembered
    return std::nullopt;
  }
}

void remember(const std::filesystem::path& file, const std::string& key, const BuildahHost& host) {
  const json::value fields = {
      {"key", key},
      {"program", host.program},
      {"version", host.version},
      {"isolation", host.isolation.kind},
      {"runtime", host.isolation.runtime},
      {"graph_root", host.graph_root.string()},
      {"graph_driver", host.graph_driver},
  };
  try {
    make_folders(file.parent_path());
    write_file_durably(file, json::serialize(fields) + "\n", 0644);
  } catch (const Error&) {  // adapter: a cache; without it the next build looks again
  }
}

std::filesystem::path memory_in(const std::filesystem::path& cache) {
  return cache / "engine-buildah.json";
}

Programs find_programs(const std::string& buildah) {
  return {find_program(buildah), find_program("crun"), find_program("runc")};
}

}  // namespace

std::optional<std::filesystem::path> known_graph_root(const std::filesystem::path& cache) {
  const Programs programs = find_programs("buildah");
  if (programs.buildah.empty()) return std::nullopt;
  const auto host = remembered(memory_in(cache), host_key(programs));
  if (!host) return std::nullopt;
  return host->graph_root;
}

BuildahHost find_buildah(const std::string& program, const std::filesystem::path& cache) {
  const Programs programs = find_programs(program);
  if (programs.buildah.empty()) {
    throw Error(Errc::unavailable, "buildah was not found", "apt-get install buildah");
  }
  const std::string key = host_key(programs);
  const std::filesystem::path file = memory_in(cache);
  if (std::optional<BuildahHost> host = remembered(file, key)) return *std::move(host);

  BuildahHost host;
  host.program = programs.buildah;
  host.version = version_in(run({host.program, "--version"}).out);
  ask_store(host);
  probe_isolation(host, programs);
  remember(file, key, host);
  return host;
}

}  // namespace cooper::engine
