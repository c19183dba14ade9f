#include "engine/docker_disk.h"

#include "base/error.h"
#include "base/text.h"
#include "engine/docker_http.h"
#include "engine/docker_image.h"

#include <boost/json.hpp>

#include <algorithm>
#include <chrono>

namespace cooper::engine {
namespace json = boost::json;

namespace {

constexpr std::chrono::seconds kProbeLimit{5};
constexpr std::chrono::minutes kWorkLimit{30};  // of big caches, on a slow disk

json::object ask(const std::filesystem::path& socket, const HttpCall& call) {
  const HttpReply reply = exchange(socket, call);
  try {
    if (reply.status == 200) return json::parse(reply.body).as_object();
  } catch (const std::exception&) {  // adapter: Boost.JSON
  }
  throw Error(Errc::engine, "the Docker Engine at " + socket.string() + " does not answer " +
                                call.target + ": " + shorten(printable(trim(reply.body)), 200));
}

/// The elements of an array that are objects; none if the field is absent or null.
std::vector<const json::object*> objects_at(const json::object& fields, std::string_view key) {
  std::vector<const json::object*> found;
  const json::value* value = fields.if_contains(key);
  if (!value || !value->is_array()) return found;
  for (const json::value& element : value->get_array()) {
    if (element.is_object()) found.push_back(&element.get_object());
  }
  return found;
}

/// -1, as the engine has it, and anything else that is no size, count as none.
std::uint64_t bytes_at(const json::object& fields, std::string_view key) {
  const json::value* value = fields.if_contains(key);
  const std::int64_t bytes = value && value->is_int64() ? value->get_int64() : 0;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(bytes, 0));
}

}  // namespace

std::filesystem::path DockerDisk::folder() const {
  const json::object info = ask(socket_, {.target = "/info", .limit = kProbeLimit});
  const json::value* root = info.if_contains("DockerRootDir");
  if (!root || !root->is_string()) {
    throw Error(Errc::engine, "the Docker Engine does not tell where it keeps images");
  }
  return std::string(root->get_string());
}

DiskUse DockerDisk::use(const std::function<bool(const KeptImage&)>& wanted) const {
  const json::object answer = ask(socket_, {.target = "/system/df", .limit = kWorkLimit});
  DiskUse use{.all_bytes = bytes_at(answer, "LayersSize"), .cache_bytes = 0};
  for (const json::object* fields : objects_at(answer, "Images")) {
    KeptImage image = kept_image(*fields);
    if (image.id.empty() || !wanted(image)) continue;
    const std::uint64_t shared = bytes_at(*fields, "SharedSize");
    use.image_bytes += std::max(bytes_at(*fields, "Size"), shared) - shared;
    use.images.push_back(std::move(image));
  }
  for (const json::object* record : objects_at(answer, "BuildCache")) {
    const json::value* shared = record->if_contains("Shared");
    // What images share with the cache is counted there.
    if (shared && shared->is_bool() && shared->get_bool()) continue;
    *use.cache_bytes += bytes_at(*record, "Size");
  }
  return use;
}

std::vector<std::string> DockerDisk::remove(const std::vector<std::string>& names_or_ids) const {
  std::vector<std::string> problems;
  DockerApi api(socket_);
  for (const std::string& image : names_or_ids) {
    try {
      api.remove_images({image});
    } catch (const Error& error) {  // boundary: one of many, which a container may use
      if (error.code() != Errc::engine) throw;
      problems.push_back(error.message());
    }
  }
  return problems;
}

std::uint64_t DockerDisk::cap_cache(std::uint64_t limit) const {
  const json::object answer =
      ask(socket_, {.method = "POST",
                    .target = "/build/prune?keep-storage=" + std::to_string(limit),
                    .limit = kWorkLimit});
  return bytes_at(answer, "SpaceReclaimed");
}

}  // namespace cooper::engine
