#pragma once
// What a build may ask of an ssh agent (draft-miller-ssh-agent): its keys' names, and
// signatures.

#include "base/fd.h"

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace cooper::engine::buildkit {

/// A connection to an agent, one request after the other. One thread.
///
/// Only requests that list keys or sign reach the agent; all others (add, remove or
/// lock keys, extensions) get the answer "failure" from here: what a Dockerfile runs
/// must not change the keys of whoever builds it.
class SshAgentLink {
 public:
  /// Throws Error{unavailable} if no agent listens there.
  explicit SshAgentLink(const std::filesystem::path& socket);

  /// The next bytes from the build, cut anywhere. Returns the answers to the requests
  /// that they complete, in order. Waits for the agent, which may ask its owner, until
  /// `give_up` answers true. Throws Error: unavailable if the agent leaves, corrupt for
  /// a request beyond what the protocol allows, canceled.
  std::string answer(std::string_view bytes, const std::function<bool()>& give_up);

 private:
  std::string ask(std::string_view request, const std::function<bool()>& give_up);
  std::string receive(std::size_t size, const std::function<bool()>& give_up);

  Fd socket_;
  std::string waiting_;  // the beginning of a request
};

}  // namespace cooper::engine::buildkit
