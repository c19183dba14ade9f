#pragma once
// A BuildKit for the tests of file sync: the receiver's side of the protocol, as
// strict as fsutil's own, over a stream in memory.

#include "engine/buildkit/file_sync.h"
#include "unit/test_support.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace cooper::engine::buildkit {

/// One direction of a call: a queue that holds so many packets.
class PacketPipe {
 public:
  explicit PacketPipe(std::size_t window) : window_(window) {}

  bool write(const Packet& packet) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || packets_.size() < window_; });
    if (closed_) return false;
    packets_.push_back(packet);
    changed_.notify_all();
    return true;
  }

  bool read(Packet& packet) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || !packets_.empty(); });
    if (packets_.empty()) return false;
    packet = std::move(packets_.front());
    packets_.pop_front();
    changed_.notify_all();
    return true;
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

 private:
  std::size_t window_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Packet> packets_;
  bool closed_ = false;
};

/// A call, seen from the sender. The receiver uses the two pipes.
struct Call : PacketStream {
  explicit Call(std::size_t window = 4) : to_daemon(window), to_client(window) {}
  bool read(Packet& packet) override { return to_client.read(packet); }
  bool write(const Packet& packet) override { return to_daemon.write(packet); }
  void end() override {
    to_client.close();
    to_daemon.close();
  }
  PacketPipe to_daemon;
  PacketPipe to_client;
};

/// A file, folder or link as the daemon has it.
struct Held {
  Stat stat;
  std::string content;
};
using Tree = std::map<std::string, Held>;

/// Less, in the order of the protocol: as bytes, but `/` before all others.
inline bool comes_before(std::string_view a, std::string_view b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto rank = [](char c) {
      return c == '/' ? 0 : static_cast<int>(static_cast<unsigned char>(c)) + 1;
    };
    return rank(x) < rank(y);
  });
}

/// The daemon's copy of one tree, kept from transfer to transfer.
class Receiver {
 public:
  enum class Ask : std::uint8_t { at_once, backwards_at_the_end };
  Ask ask = Ask::at_once;
  Tree tree;                        ///< what it has
  std::vector<std::string> order;   ///< of the last transfer
  std::set<std::string> requested;  ///< in the last transfer
  std::string failure;              ///< the ERR that the sender sent
  std::size_t data_bytes = 0;
  /// Called after each STAT, to disturb.
  std::function<void(const Stat&)> on_stat;

  /// Receives one tree; everything that breaks the protocol fails the test.
  void receive(Call& call) {
    next_.clear();
    order.clear();
    requested.clear();
    open_.clear();
    failure.clear();
    data_bytes = 0;
    bool listing = true;
    std::vector<std::uint32_t> late;
    Packet packet;
    while (listing || !open_.empty()) {
      if (!call.to_daemon.read(packet)) return;
      if (packet.type == Packet::Type::err) {
        failure = packet.data;
        return call.end();
      }
      if (packet.type == Packet::Type::data) {
        take_data(packet);
      } else if (packet.type != Packet::Type::stat || !listing) {
        ADD_FAILURE() << "unexpected packet";
        return call.end();
      } else if (!packet.has_stat) {
        listing = false;
        for (; !late.empty(); late.pop_back()) request(call, late.back());
      } else if (const std::optional<std::uint32_t> id = take_stat(packet)) {
        open_.emplace(*id, packet.stat.path);
        requested.insert(packet.stat.path);
        if (ask == Ask::at_once) {
          request(call, *id);
        } else {
          late.push_back(*id);
        }
      }
    }
    call.to_client.write({.type = Packet::Type::fin});
    EXPECT_TRUE(call.to_daemon.read(packet));
    EXPECT_EQ(packet.type, Packet::Type::fin);
    tree = std::move(next_);
  }

 private:
  static void request(Call& call, std::uint32_t id) {
    call.to_client.write({.type = Packet::Type::req, .id = id});
  }

  /// The entry's number if its content is needed.
  std::optional<std::uint32_t> take_stat(const Packet& packet) {
    const Stat& stat = packet.stat;
    check(packet);
    const auto id = static_cast<std::uint32_t>(order.size());
    order.push_back(stat.path);
    Held& now = next_[stat.path];
    now.stat = stat;
    if (on_stat) on_stat(stat);
    const bool file =
        (stat.mode & ~std::uint32_t{0777 | kModeSetuid | kModeSetgid | kModeSticky}) == 0;
    if (!file) return std::nullopt;
    if (!stat.linkname.empty()) {
      EXPECT_TRUE(next_.contains(stat.linkname)) << "a hard link to what was not sent before";
      EXPECT_EQ(stat.size, 0);
      return std::nullopt;
    }
    const auto before = tree.find(stat.path);
    if (before != tree.end() && before->second.stat == stat &&
        static_cast<std::int64_t>(before->second.content.size()) == stat.size) {
      now.content = before->second.content;
      return std::nullopt;
    }
    return id;
  }

  /// What fsutil's Validator refuses.
  void check(const Packet& packet) const {
    const std::string& path = packet.stat.path;
    EXPECT_EQ(packet.id, 0U);
    EXPECT_FALSE(path.empty());
    EXPECT_EQ(path.find('\0'), std::string::npos);
    std::size_t begin = 0;
    while (begin <= path.size()) {
      const std::size_t end = std::min(path.find('/', begin), path.size());
      const std::string part = path.substr(begin, end - begin);
      EXPECT_TRUE(!part.empty() && part != "." && part != "..") << path;
      begin = end + 1;
    }
    if (!order.empty()) {
      EXPECT_TRUE(comes_before(order.back(), path)) << order.back() << " then " << path;
    }
    if (const std::size_t slash = path.rfind('/'); slash != std::string::npos) {
      const auto parent = next_.find(path.substr(0, slash));
      ASSERT_TRUE(parent != next_.end()) << "no parent of " << path;
      EXPECT_NE(parent->second.stat.mode & kModeFolder, 0U) << path;
    }
    EXPECT_EQ(packet.stat.uid, 0U);
    EXPECT_EQ(packet.stat.gid, 0U);
  }

  void take_data(const Packet& packet) {
    const auto file = open_.find(packet.id);
    ASSERT_TRUE(file != open_.end()) << "data that nobody asked for";
    EXPECT_LE(packet.data.size(), std::size_t{64} << 10U);
    data_bytes += packet.data.size();
    if (packet.data.empty()) {
      open_.erase(file);
    } else {
      next_[file->second].content += packet.data;
    }
  }

  Tree next_;
  std::map<std::uint32_t, std::string> open_;
};

/// One transfer to `receiver`.
inline TreeSent transfer(Receiver& receiver, const TreeRequest& request, std::size_t window = 4) {
  Call call(window);
  std::thread daemon([&] { receiver.receive(call); });
  try {
    TreeSent sent = send_tree(call, request);
    daemon.join();
    return sent;
  } catch (const Error&) {  // boundary: of the test's thread
    call.end();
    daemon.join();
    throw;
  }
}

/// What a fresh daemon gets.
inline std::vector<std::string> paths_sent(const TreeRequest& request) {
  Receiver receiver;
  transfer(receiver, request);
  return receiver.order;
}

}  // namespace cooper::engine::buildkit
