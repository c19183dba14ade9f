#pragma once
// What this host offers to buildah: the program, an isolation that works here,
// and where images are kept. Found once, then remembered.

#include <filesystem>
#include <optional>
#include <string>

namespace cooper::engine {

/// How RUN instructions are run.
struct Isolation {
  std::string kind;     ///< "oci" or "chroot"
  std::string runtime;  ///< path of crun or runc; empty for chroot
  bool operator==(const Isolation&) const = default;
};

struct BuildahHost {
  std::string program;  ///< path of buildah
  std::string version;  ///< "1.28.2"
  Isolation isolation;
  std::filesystem::path graph_root;  ///< containers/storage's folder
  std::string graph_driver;          ///< "overlay", "vfs"
  bool operator==(const BuildahHost&) const = default;
};

/// Looks at the host, or takes what `<cache>/engine-buildah.json` remembers if
/// the programs, the kernel, the user and the storage settings are the same
/// still. A damaged memory counts as none; one that can't be written is done
/// without. `program` is a name in PATH or a path. Throws Error{unavailable} if
/// buildah is not there or can't run anything on this host.
BuildahHost find_buildah(const std::string& program, const std::filesystem::path& cache);

/// Where the images are as far as that file remembers; nullopt before the first use of
/// buildah here. Costs no process.
std::optional<std::filesystem::path> known_graph_root(const std::filesystem::path& cache);

}  // namespace cooper::engine
