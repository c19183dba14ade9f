#pragma once
// The messages of BuildKit's file sync (fsutil.types.Packet and Stat), as plain
// values: what carries them, and how they look on the wire, is PacketStream's
// matter.

#include <cstdint>
#include <map>
#include <string>

namespace cooper::engine::buildkit {

/// Stat.mode is Go's FileMode: these bits above the nine permission bits.
inline constexpr std::uint32_t kModeFolder = 1U << 31;
inline constexpr std::uint32_t kModeSymlink = 1U << 27;
inline constexpr std::uint32_t kModeSetuid = 1U << 23;
inline constexpr std::uint32_t kModeSetgid = 1U << 22;
inline constexpr std::uint32_t kModeSticky = 1U << 20;
inline constexpr std::uint32_t kModePermissions = 0777;

/// One entry of a tree; members as the wire names them.
struct Stat {
  std::string path;  ///< relative to the root, `/`-separated, clean; any bytes but NUL
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int64_t size = 0;      ///< of a file's content or a symbolic link's target, else 0
  std::int64_t mod_time = 0;  ///< nanoseconds since 1970
  std::string linkname;       ///< symbolic link: its target. File: an earlier path, a hard link
  std::int64_t devmajor = 0;
  std::int64_t devminor = 0;
  std::map<std::string, std::string> xattrs;

  bool operator==(const Stat&) const = default;
};

struct Packet {
  enum class Type : std::uint8_t {  // numbers of the wire
    stat = 0,
    req = 1,
    data = 2,
    fin = 3,
    err = 4,
  };
  Type type = Type::stat;
  bool has_stat = false;  ///< type stat only; without one it ends the list
  Stat stat;
  std::uint32_t id = 0;  ///< req, data: the file's number among all stats sent, from 0
  std::string data;      ///< data: content, empty at its end; err: what went wrong

  bool operator==(const Packet&) const = default;
};

/// One DiffCopy call. read() and write() are called by two threads at once, each
/// by one; end() by any.
class PacketStream {
 public:
  virtual ~PacketStream() = default;
  /// Waits for the peer's next packet; false when there will be none. The packet
  /// may hold anything before the call.
  virtual bool read(Packet& packet) = 0;
  /// Waits while the peer's window is full; false when it takes no more.
  virtual bool write(const Packet& packet) = 0;
  /// Gives the call up: read() and write(), also those that wait, return false
  /// soon. May be called more than once. For grpc: ServerContext::TryCancel.
  virtual void end() = 0;
};

}  // namespace cooper::engine::buildkit
