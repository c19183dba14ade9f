#pragma once
// Containers that run services, through Docker's API: a Docker Engine's, or that of Podman,
// which answers in the same words.

#include "base/time.h"
#include "model/environment.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::engine {

/// A port of a container, and where on this host it can be reached.
struct PortMapping {
  std::uint16_t container = 0;
  std::string protocol = "tcp";  ///< tcp or udp
  std::string address = "127.0.0.1";
  std::uint16_t host = 0;
  bool operator==(const PortMapping&) const = default;
};

/// "127.0.0.1:8080 -> 3000", "[::]:53 -> 53/udp"
std::string to_text(const PortMapping& port);

/// Whose API it is, as far as that matters.
enum class ContainerApi : std::uint8_t { docker, podman };

/// A container to make.
struct NewContainer {
  std::string name;
  std::string image;
  std::vector<std::string> command;  ///< empty: the image's own
  Environment environment;           ///< besides the image's own
  std::map<std::string, std::string> labels;
  std::vector<PortMapping> ports;
  std::string network;                    ///< by name; "host": the host's
  std::string alias;                      ///< what others in the network call it; empty: nothing
  std::uint64_t memory{};                 ///< bytes; 0: no limit
  std::uint32_t cpus{};                   ///< thousandths of a processor; 0: no limit
  std::chrono::seconds stop_timeout{10};  ///< between SIGTERM and SIGKILL, whoever stops it
};

/// A container as its engine sees it now.
struct Container {
  std::string id;  ///< 64 hex digits
  std::string name;
  std::map<std::string, std::string> labels;  ///< those that begin with "cooper."
  std::string state;                          ///< created, running, restarting, exited, ...
  int exit_code = 0;                          ///< of the last end
  std::uint64_t restarts = 0;                 ///< by the engine, because it ended
  std::string health;  ///< of the image's HEALTHCHECK: starting, healthy, unhealthy; empty: none
  std::optional<Time> started;
  std::string network;  ///< by name
  std::vector<PortMapping> ports;

  bool is_running() const { return state == "running"; }
  bool is_on_host_network() const { return network == "host"; }
  /// Empty if there is none.
  const std::string& label(const std::string& key) const;
};

/// What an image says of how it is run.
struct ImageFacts {
  std::vector<std::pair<std::uint16_t, std::string>> ports;  ///< EXPOSE: number and protocol
};

struct ContainerLogs {
  bool follow = false;
  std::optional<std::uint64_t> tail;  ///< the newest so many lines; absent: all
  std::optional<Time> since;
  bool timestamps = false;  ///< RFC 3339 and a space before each message
};

/// The containers of one engine. Thread-safe; every call is a connection of its own. All throw
/// Error{unavailable} if the engine does not answer, Error{engine} with what it said if it
/// refuses, Error{canceled} on a stop request, where they take one.
class Containers {
 public:
  Containers(std::filesystem::path socket, ContainerApi api)
      : socket_(std::move(socket)), api_(api) {}

  const std::filesystem::path& socket() const noexcept { return socket_; }
  ContainerApi api() const noexcept { return api_; }

  /// Of an image that is here; nullopt: it is not.
  std::optional<ImageFacts> find_image(const std::string& reference) const;
  /// Returns its id. The engine starts it again when it ends, and after the host's start.
  std::string create(const NewContainer& container) const;
  void start(const std::string& id) const;
  /// Asks it to end, waits for `timeout`, and kills it. Absent and ended is fine.
  void stop(const std::string& id, std::chrono::seconds timeout) const;
  /// Kills and removes it with its anonymous volumes. Absent is fine.
  void remove(const std::string& id) const;
  /// nullopt: there is none.
  std::optional<Container> find(const std::string& id) const;
  /// All that bear these labels, also those that do not run; sorted by name. A label without
  /// value is there with any.
  std::vector<Container> list(const std::map<std::string, std::string>& labels) const;
  /// What the container prints, on both of its streams, message by message: a line, or a part of
  /// a long one.
  void logs(const std::string& id, const ContainerLogs& which,
            const std::function<void(std::string_view)>& sink, std::stop_token stop = {}) const;

  /// A bridge of its own.
  void create_network(const std::string& name,
                      const std::map<std::string, std::string>& labels) const;
  /// Absent is fine.
  void remove_network(const std::string& name) const;
  /// Names of those that bear these labels.
  std::vector<std::string> list_networks(const std::map<std::string, std::string>& labels) const;

 private:
  std::filesystem::path socket_;
  ContainerApi api_;
};

/// Takes the frames of a log stream apart: 1 byte of kind, 3 of nothing, 4 of length (big
/// endian), then the bytes. `sink` gets each frame at once, unless it is larger than 1 MiB.
class LogFrames {
 public:
  explicit LogFrames(const std::function<void(std::string_view)>& sink) : sink_(sink) {}
  void feed(std::string_view bytes);

 private:
  const std::function<void(std::string_view)>& sink_;
  std::string header_;
  std::string content_;   // of the present frame, so far
  std::size_t left_ = 0;  // of it
};

}  // namespace cooper::engine
