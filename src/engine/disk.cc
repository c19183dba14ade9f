#include "engine/disk.h"

#include "base/error.h"
#include "base/file.h"
#include "engine/buildah_disk.h"
#include "engine/buildah_host.h"
#include "engine/docker_api.h"
#include "engine/docker_disk.h"
#include "engine/docker_http.h"

#include <boost/json.hpp>

#include <chrono>
#include <sys/statvfs.h>
#include <system_error>

namespace cooper::engine {
namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

fs::path memory_of(const fs::path& cache) { return cache / "engine-docker.json"; }

/// Where the Docker Engine at `socket` keeps its images, as far as it was asked before.
std::optional<fs::path> remembered_root(const fs::path& socket, const fs::path& cache) {
  try {
    const std::optional<std::string> text = read_file(memory_of(cache), 1 << 16);
    if (!text) return std::nullopt;
    const json::value fields = json::parse(*text);
    if (fields.at("socket").as_string() != std::string_view(socket.native())) return std::nullopt;
    return fs::path(std::string(fields.at("root").as_string()));
  } catch (const std::exception&) {  // adapter: what can't be read is not remembered
    return std::nullopt;
  }
}

void remember_root(const fs::path& socket, const fs::path& root, const fs::path& cache) {
  const json::value fields = {{"socket", socket.string()}, {"root", root.string()}};
  try {
    make_folders(cache);
    write_file_durably(memory_of(cache), json::serialize(fields) + "\n", 0644);
  } catch (const Error&) {  // adapter: a cache; without it the next build asks again
  }
}

fs::path docker_root(const fs::path& socket, const fs::path& cache) {
  if (auto known = remembered_root(socket, cache)) return *std::move(known);
  fs::path root = DockerDisk(socket, "docker").folder();
  remember_root(socket, root, cache);
  return root;
}

/// More may be in the folder than `limit` says.
bool may_exceed(const fs::path& folder, std::uint64_t limit) {
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) != 0) return true;
  return (std::uint64_t{disk.f_blocks} - disk.f_bfree) * disk.f_frsize > limit;
}

bool was_capped_lately(const fs::path& cache) {
  std::error_code problem;
  const auto when = fs::last_write_time(memory_of(cache), problem);
  return !problem && fs::file_time_type::clock::now() - when < std::chrono::minutes(10);
}

}  // namespace

std::vector<std::unique_ptr<EngineDisk>> find_engine_disks(const fs::path& cache) {
  std::vector<std::unique_ptr<EngineDisk>> found;
  try {
    found.push_back(std::make_unique<BuildahDisk>(find_buildah("buildah", cache)));
  } catch (const Error&) {  // adapter: the answer to whether it is there
  }
  try {
    const fs::path socket = docker_socket();
    found.push_back(
        std::make_unique<DockerDisk>(socket, "docker " + DockerApi(socket).facts().version));
  } catch (const Error&) {  // adapter: as above
  }
  return found;
}

std::optional<fs::path> storage_folder(const EngineWish& wish, const fs::path& cache) {
  if (wish.engine == "buildkit" || (wish.engine == "auto" && !wish.buildkit.empty())) {
    return std::nullopt;
  }
  if (wish.engine != "buildah") {
    try {
      const fs::path socket = docker_socket();
      connect_unix(socket);
      return docker_root(socket, cache);
    } catch (const Error&) {  // adapter: then it is buildah's turn, or the build says what is wrong
      if (wish.engine == "docker") return std::nullopt;
    }
  }
  return known_graph_root(cache);
}

void cap_build_cache(std::string_view recorded_engine, std::uint64_t limit, const fs::path& cache) {
  if (limit == 0 || !recorded_engine.starts_with("docker ") || was_capped_lately(cache)) return;
  const fs::path socket = docker_socket();
  const fs::path root = docker_root(socket, cache);
  remember_root(socket, root, cache);
  if (may_exceed(root, limit)) DockerDisk(socket, std::string(recorded_engine)).cap_cache(limit);
}

}  // namespace cooper::engine
