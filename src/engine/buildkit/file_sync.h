#pragma once
// Sends a folder to BuildKit: the sender's side of moby.filesync.v1's DiffCopy,
// which asks only for the files that the daemon does not have yet.

#include "engine/buildkit/packet.h"
#include "source/content_time.h"

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

namespace cooper::engine::buildkit {

/// What the daemon asked for. The patterns are the values of the call's metadata
/// (`exclude-patterns`, `include-patterns`, `followpaths`), decoded.
struct TreeRequest {
  std::filesystem::path root;
  std::vector<std::string> exclude;  ///< Docker-ignore patterns, in order; the last match wins
  std::vector<std::string> include;  ///< the same; none, and no `follow`: everything
  /// Paths to send with whatever symbolic links on the way need; names in them
  /// may be patterns. Adds to `include`.
  std::vector<std::string> follow;
  /// Where files' times come from. nullptr: their own, which is right only for a
  /// tree whose times change with its contents. Borrowed.
  const source::ContentTime* times = nullptr;
};

struct TreeSent {
  std::uint64_t entries = 0;    ///< STATs
  std::uint64_t requested = 0;  ///< files that the daemon asked for
  std::uint64_t bytes = 0;      ///< of their contents
  /// What was left out or changed meanwhile, a sentence each; at most 100.
  std::vector<std::string> warnings;
};

/// Serves one call until the daemon has what it wants. Runs a second thread
/// that reads requests; neither is left when it returns or throws, and the
/// stream is no longer used. Then end the call: with OK after a return, with
/// the Error's message after a throw.
///
/// Owners are sent as 0:0, extended attributes other than security.capability
/// not at all; sockets, fifos and devices are left out. Nothing outside of the
/// root is read: symbolic links are sent as links, and followed only by name
/// beneath the root. A file that vanishes or becomes unreadable after it was
/// listed arrives empty, with a warning, as with Docker's own client. Memory:
/// some 40 bytes for each entry, and 64 KiB.
///
/// Throws Error: invalid for a pattern that can't be parsed; the reason for a
/// folder or file that can't be listed; conflict for a file whose content, under
/// `times`, is no longer what its time says; canceled on a stop request;
/// unavailable if the stream broke; engine if the daemon reported an error or
/// broke the protocol. The daemon is told the reason unless the stream is gone.
TreeSent send_tree(PacketStream& stream, const TreeRequest& request, std::stop_token stop = {});

}  // namespace cooper::engine::buildkit
