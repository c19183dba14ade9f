#pragma once
// The HTTP/1.1 exchange that turns a connection to a Docker Engine into gRPC. Pure.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace cooper::engine::buildkit {

/// What asks the engine to hand the connection to its BuildKit.
std::string_view upgrade_request();

struct UpgradeAnswer {
  int status = 0;        ///< 101: what follows is HTTP/2
  std::size_t size = 0;  ///< bytes of the head, blank line included
};

/// The answer's head at the beginning of `bytes`; nullopt if it is not complete
/// yet. Status 0: that is no HTTP.
std::optional<UpgradeAnswer> read_upgrade_answer(std::string_view bytes);

}  // namespace cooper::engine::buildkit
