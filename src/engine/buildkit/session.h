#pragma once
// One build's session: the connection over which the daemon asks for files and
// credentials.

#include "engine/buildkit/services.h"

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

namespace grpc {
class Channel;
}

namespace cooper::engine::buildkit {

/// Open from its construction to its end. The session's HTTP/2 stream travels in the
/// messages of a call on the control connection, which every kind of daemon takes:
/// a gRPC server here, on one end of a socket pair, and two threads that carry bytes
/// between the other end and the call.
class Session {
 public:
  struct Options {
    Folders folders;
    /// Builds with the same key share the daemon's copy of the context, so that
    /// only what changed is sent. Known to nobody else: see ContentTime.
    std::string shared_key;
    std::filesystem::path logins;  ///< see find_login
    BuildSecrets secrets;
    const Fd* receives = nullptr;                  ///< see Offer
    std::function<void(const std::string&)> warn;  ///< see Offer
  };
  /// Throws Error{unavailable}. The channel is shared with the solve.
  Session(const std::shared_ptr<grpc::Channel>& channel, Options options);
  /// Ends it and waits for its threads.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// What a solve calls it.
  const std::string& id() const noexcept { return id_; }

 private:
  class Bridge;

  std::string id_;
  BuildSecrets secrets_;
  std::stop_source stop_;
  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<Bridge> bridge_;
};

}  // namespace cooper::engine::buildkit
