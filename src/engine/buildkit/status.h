#pragma once
// What a daemon tells about a running build, as plain values.

#include "base/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cooper::engine::buildkit {

/// A node of the build's graph. Told again whenever something about it changes.
struct Vertex {
  std::string digest;               ///< its identity in this build
  std::vector<std::string> inputs;  ///< digests of those that it needs, told before it or with it
  std::string name;  ///< "[build 2/5] RUN make", "[internal] load build context", ...
  bool cached = false;
  std::optional<Time> started;
  std::optional<Time> completed;
  std::string error;
};

/// A piece of what a vertex prints, cut anywhere.
struct VertexLog {
  std::string vertex;  ///< digest
  std::string bytes;
};

/// A part of a vertex's work, such as one layer that is pulled.
struct VertexStatus {
  std::string vertex;
  std::string id;
  std::int64_t current = 0;
  std::int64_t total = 0;
  bool completed = false;
};

struct StatusUpdate {
  std::vector<Vertex> vertexes;
  std::vector<VertexStatus> statuses;
  std::vector<VertexLog> logs;
  std::vector<std::string> warnings;
};

}  // namespace cooper::engine::buildkit
