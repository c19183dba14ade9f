// What a file sync costs the client, without a daemon's share of it.
//   file_sync FOLDER

#include "engine/buildkit/file_sync.h"

#include "source/content_time.h"

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <mutex>
#include <string>
#include <sys/resource.h>

namespace {

using namespace cooper;
using engine::buildkit::Packet;

/// A daemon that asks for all files at once, or for none, and throws all away.
class Sink : public engine::buildkit::PacketStream {
 public:
  explicit Sink(bool asks) : asks_(asks) {}

  bool write(const Packet& packet) override {
    const std::lock_guard lock(mutex_);
    if (packet.type == Packet::Type::stat) {
      if (!packet.has_stat) {
        listed_ = true;
      } else {
        const bool file = (packet.stat.mode >> 19U) == 0 && packet.stat.linkname.empty();
        if (file && asks_) asked_.push_back(next_);
        if (file && asks_) ++open_;
        ++next_;
      }
    } else if (packet.type == Packet::Type::data && packet.data.empty()) {
      --open_;
    }
    changed_.notify_all();
    return true;
  }

  bool read(Packet& packet) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_ || !asked_.empty() || (listed_ && open_ == 0); });
    if (ended_) return false;
    packet = {};
    if (asked_.empty()) {
      packet.type = Packet::Type::fin;
      return true;
    }
    packet.type = Packet::Type::req;
    packet.id = asked_.front();
    asked_.pop_front();
    return true;
  }

  void end() override {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

 private:
  bool asks_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::uint32_t> asked_;
  std::uint32_t next_ = 0;
  std::uint64_t open_ = 0;
  bool listed_ = false;
  bool ended_ = false;
};

void measure(const char* what, const std::string& folder, bool asks,
             const source::ContentTime* times) {
  Sink sink(asks);
  const auto begin = std::chrono::steady_clock::now();
  const auto sent = engine::buildkit::send_tree(sink, {.root = folder, .times = times});
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  std::printf("%-34s %8.0f ms  %7llu entries  %10llu bytes  peak memory %ld MiB\n", what,
              took.count(), static_cast<unsigned long long>(sent.entries),
              static_cast<unsigned long long>(sent.bytes), usage.ru_maxrss / 1024);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const std::string folder = argv[1];
  const source::ContentTime times({1, 2, 3});
  measure("own times, nothing asked for", folder, false, nullptr);
  measure("own times, everything asked for", folder, true, nullptr);
  measure("times of contents, nothing", folder, false, &times);
  measure("times of contents, everything", folder, true, &times);
}
