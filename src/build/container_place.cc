#include "build/container_place.h"

#include "base/error.h"
#include "base/file.h"
#include "engine/choose.h"
#include "model/json.h"
#include "store/folders.h"

#include <boost/json.hpp>

#include <fcntl.h>
#include <unistd.h>

namespace cooper::build {
namespace json = boost::json;

namespace {

constexpr const char* kNoteName = "containers.json";
constexpr std::string_view kPodman = "podman";
constexpr std::string_view kDocker = "docker:";

std::string text_of(const ContainerPlace& place) {
  if (place.api == engine::ContainerApi::podman) return std::string(kPodman);
  return std::string(kDocker) + place.socket;
}

std::optional<ContainerPlace> place_of(std::string_view text) {
  if (text == kPodman) return ContainerPlace{.api = engine::ContainerApi::podman, .socket = {}};
  if (!text.starts_with(kDocker)) return std::nullopt;
  return ContainerPlace{.socket = std::string(text.substr(kDocker.size()))};
}

ContainerPlace docker() { return {.socket = engine::docker_socket().string()}; }

}  // namespace

std::string name_of(const ContainerPlace& place) {
  if (place.api == engine::ContainerApi::podman) return "Podman";
  return "the Docker Engine at " + place.socket;
}

ContainerPlace choose_place(Runtime wish, std::string_view build_engine) {
  const ContainerPlace podman{.api = engine::ContainerApi::podman, .socket = {}};
  if (wish == Runtime::docker) return docker();
  if (wish == Runtime::podman) return podman;
  if (build_engine.starts_with("docker")) return docker();
  if (build_engine.starts_with("buildah")) return podman;
  return ::access(docker().socket.c_str(), F_OK) == 0 ? docker() : podman;
}

ContainerHost::ContainerHost(const ContainerPlace& place) {
  if (place.api == engine::ContainerApi::podman) {
    podman_ = std::make_unique<engine::PodmanService>();
    containers_.emplace(podman_->socket(), place.api);
  } else {
    containers_.emplace(place.socket, place.api);
  }
}

std::optional<ContainerNote> read_note(const store::Layout& layout, const AppName& app) {
  constexpr std::size_t kMost = 65536;
  const std::filesystem::path path = layout.app(app) / kNoteName;
  const Fd file = find_regular_file(path, O_RDONLY);
  if (!file) return std::nullopt;
  boost::system::error_code problem;
  const json::value value = json::parse(read_open_file(file, path.string(), kMost), problem);
  const json::object* object = problem ? nullptr : value.if_object();
  const json::value* places = object ? object->if_contains("places") : nullptr;
  ContainerNote note;
  bool is_good = places && places->is_array();
  if (is_good) {
    for (const json::value& text : places->get_array()) {
      const auto place = text.is_string() ? place_of(text.get_string()) : std::nullopt;
      is_good = is_good && place.has_value();
      if (place) note.places.push_back(*place);
    }
  }
  if (!is_good) {
    throw Error(Errc::corrupt, path.string() + " does not say where the app's containers are",
                "write {\"places\": [\"podman\"]} or {\"places\": [\"docker:/run/docker.sock\"]} "
                "into it");
  }
  const json::value* stopped = object->if_contains("stopped");
  note.stopped = stopped && stopped->is_bool() && stopped->get_bool();
  const json::value* stopping = object->if_contains("stopping");
  if (stopping && stopping->is_array()) {
    for (const json::value& id : stopping->get_array()) {
      if (id.is_string()) note.stopping.emplace_back(id.get_string());
    }
  }
  return note;
}

void write_note(const store::Layout& layout, const AppName& app, const ContainerNote& note) {
  json::array places;
  for (const ContainerPlace& place : note.places) places.emplace_back(text_of(place));
  json::object object{{"places", std::move(places)}};
  if (note.stopped) object["stopped"] = true;
  if (!note.stopping.empty()) {
    json::array ids;
    for (const std::string& id : note.stopping) ids.emplace_back(id);
    object["stopping"] = std::move(ids);
  }
  const Fd folder = store::make_folder(layout, layout.app(app));
  write_file_durably(folder, kNoteName, pretty(object), 0644);
}

}  // namespace cooper::build
