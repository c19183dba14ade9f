#include "engine/buildkit/sync_requests.h"

#include "base/text.h"

#include <string>
#include <utility>

namespace cooper::engine::buildkit {

SyncRequests::SyncRequests(PacketStream& stream) : stream_(stream), thread_([this] { read(); }) {}

SyncRequests::~SyncRequests() {
  if (!wait_end({})) stream_.end();
  thread_.join();
}

void SyncRequests::read() {
  Packet packet;
  std::uint64_t requests = 0;
  while (stream_.read(packet)) {
    switch (packet.type) {
      case Packet::Type::req: {
        // A file is asked for once; so the queue can't outgrow the list.
        if (++requests > listed_) {
          return end(State::failed, Errc::engine,
                     "the daemon asked for a file that was not listed");
        }
        const std::lock_guard lock(mutex_);
        asked_.push_back(packet.id);
        changed_.notify_all();
        continue;
      }
      case Packet::Type::fin:
        return end(State::satisfied);
      case Packet::Type::err:
        return end(State::failed, Errc::engine,
                   "the daemon could not take the source: " + printable(packet.data));
      case Packet::Type::stat:
      case Packet::Type::data:
        break;
    }
    return end(State::failed, Errc::engine, "the daemon broke the protocol of the file transfer");
  }
  end(State::failed, Errc::unavailable, "the connection ended while the source was sent");
}

void SyncRequests::end(State state, Errc code, std::string why) {
  const std::lock_guard lock(mutex_);
  state_ = state;
  if (state == State::failed) failure_.emplace(code, std::move(why));
  changed_.notify_all();
}

std::optional<std::uint32_t> SyncRequests::take() {
  if (failure_) throw Error(*failure_);
  if (asked_.empty()) return std::nullopt;
  const std::uint32_t id = asked_.front();
  asked_.pop_front();
  return id;
}

std::optional<std::uint32_t> SyncRequests::next() {
  const std::lock_guard lock(mutex_);
  return take();
}

std::optional<std::uint32_t> SyncRequests::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return state_ != State::open || !asked_.empty(); });
  return take();
}

bool SyncRequests::wait_end(std::chrono::milliseconds at_most) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, at_most, [&] { return state_ != State::open; });
}

}  // namespace cooper::engine::buildkit
