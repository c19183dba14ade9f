#include "server/send_log.h"

#include "server/loop.h"
#include "server/services.h"

#include <utility>
#include <vector>

namespace cooper::server {

Task<bool> send_log(Loop& loop, StreamWriter& writer, LogFeed::Follower& log, std::uint64_t from,
                    Follow follow, const MessageOf& message_of) {
  for (std::uint64_t at = from;;) {
    if (follow == Follow::no) {
      const bool at_end = co_await log.is_at_end(at);
      if (at_end) co_return true;
    }
    std::vector<LogPiece> pieces = co_await log.next_few(at);
    if (pieces.empty()) co_return false;
    std::uint64_t bytes = 0;
    std::vector<SharedMessage> messages;
    for (const LogPiece& piece : pieces) {
      bytes += piece.raw->size();
      messages.push_back(message_of(piece));
    }
    pieces.clear();
    co_await writer.write_shared(std::move(messages));
    loop.services.metrics.log_bytes += bytes;
    at += bytes;
  }
}

}  // namespace cooper::server
