#pragma once
// What the streams of logs have in common.

#include "server/log_feed.h"
#include "server/log_streams.h"
#include "server/stream.h"

#include <cstdint>
#include <functional>

namespace cooper::server {

/// What is sent of a piece.
using MessageOf = std::function<SharedMessage(const LogPiece&)>;

/// Sends a log from byte `from`. True: all that there is now, without following; false: it has
/// ended, or who follows is to end.
Task<bool> send_log(Loop& loop, StreamWriter& writer, LogFeed::Follower& log, std::uint64_t from,
                    Follow follow, const MessageOf& message_of);

}  // namespace cooper::server
