#pragma once
// The frames of WebSockets (RFC 6455) as a server writes and reads them, and how messages are
// packed (RFC 7692). Beast's would make and pack each frame for each follower anew.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::server {

enum class Opcode : std::uint8_t {
  continuation = 0,
  text = 1,
  binary = 2,
  close = 8,
  ping = 9,
  pong = 10,
};

enum class CloseCode : std::uint16_t {
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  too_big = 1009,
  internal_error = 1011,
};

/// A frame's header: that of a whole message, from a server.
class FrameHeader {
 public:
  /// `is_packed`: the payload is what pack_message() makes.
  FrameHeader(Opcode opcode, bool is_packed, std::uint64_t payload_bytes) noexcept;
  std::string_view view() const noexcept { return {bytes_.data(), size_}; }

 private:
  std::array<char, 10> bytes_{};
  std::size_t size_ = 2;
};

/// A whole frame of control: a payload of at most 125 bytes, longer ones are cut.
std::string control_frame(Opcode opcode, std::string_view payload);
std::string close_frame(CloseCode code, std::string_view reason);

/// What a client has said about the connection: ping, pong or close.
struct Control {
  Opcode opcode = Opcode::ping;
  std::string payload;  ///< unmasked
};

/// Takes a client's frames as their bytes come. Of messages it keeps nothing: streams have no use
/// for them.
class FrameReader {
 public:
  /// `may_pack`: packed messages were agreed upon.
  explicit FrameReader(bool may_pack) : may_pack_(may_pack) {}
  /// Adds what controls have come whole. What it returns ends the connection: it was no frame, or
  /// one of over 64 KiB. Nothing may come after it, nor after a close.
  std::optional<CloseCode> take(std::string_view bytes, std::vector<Control>& controls);

 private:
  /// Of a header that is whole.
  std::optional<CloseCode> begin_frame();
  std::size_t header_size() const noexcept;

  bool may_pack_;
  bool in_message_ = false;  ///< a fragment of one has come, and more are to come
  std::array<unsigned char, 14> header_{};
  std::size_t header_bytes_ = 0;
  bool in_payload_ = false;
  std::uint64_t left_ = 0;  ///< of the frame's payload
  Control control_;
  bool is_control_ = false;
};

/// The value of Sec-WebSocket-Accept for that of Sec-WebSocket-Key; nullopt: it is no key.
std::optional<std::string> accept_key(std::string_view key);

/// Of a client's Sec-WebSocket-Extensions: it offers to unpack messages, each by itself, of any
/// window. The answer is `kPackedMessages`.
bool offers_packed_messages(std::string_view extensions);
inline constexpr std::string_view kPackedMessages =
    "permessage-deflate; server_no_context_takeover";

/// A message's payload, packed by itself.
std::string pack_message(std::string_view payload);

}  // namespace cooper::server
