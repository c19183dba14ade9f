#pragma once
// One solve: a build in the daemon, from its order to its result.

#include "engine/buildkit/status.h"

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace grpc {
class Channel;
}

namespace cooper::engine::buildkit {

struct SolveOrder {
  std::string session;                          ///< Session::id
  std::map<std::string, std::string> frontend;  ///< attributes of dockerfile.v0
  std::string exporter;
  std::map<std::string, std::string> exporter_attributes;
  std::vector<std::string> entitlements;
  std::string cache_export;  ///< "registry", "inline"; empty: none
  std::map<std::string, std::string> cache_export_attributes;
};

struct SolveResult {
  enum class End { made, failed, canceled, cut_off } end = End::failed;
  std::map<std::string, std::string> response;  ///< of the exporter, when made
  std::string message;                          ///< failed: why; cut_off: how the connection broke
  std::string details;                          ///< failed: google.rpc.Status, serialized, or empty
};

/// Who hears of a solve; called on the thread that called solve().
struct SolveListener {
  std::function<void(const StatusUpdate&)> update;
  std::function<void()> idle;  ///< nothing came for 100 ms
};

/// Blocks until the build has ended in the daemon and all was told of it. On a stop
/// request the daemon kills what runs.
SolveResult solve(const std::shared_ptr<grpc::Channel>& channel, const SolveOrder& order,
                  const SolveListener& listener, std::stop_token stop);

/// Image exporter that the daemon has: "moby" in a Docker Engine, else "image".
std::string exporter_of(const std::shared_ptr<grpc::Channel>& channel);

/// The platforms that the daemon can run programs of. Throws Error{unavailable}.
std::vector<std::string> platforms_of(const std::shared_ptr<grpc::Channel>& channel);

/// The daemon's BuildKit version; empty if it does not tell. Throws
/// Error{unavailable}, which names the `place`, if it can't be reached.
std::string version_of(const std::shared_ptr<grpc::Channel>& channel, const std::string& place);

}  // namespace cooper::engine::buildkit
