#include "server/frames.h"

#include "base/base64.h"
#include "base/error.h"
#include "base/text.h"

#include <openssl/sha.h>

#include <algorithm>
#include <zlib.h>

namespace cooper::server {

namespace {

constexpr unsigned kFinal = 0x80;
constexpr unsigned kPacked = 0x40;
constexpr unsigned kReserved = 0x30;
constexpr unsigned kMasked = 0x80;
constexpr std::size_t kMostControlBytes = 125;
/// Packed once, sent to many: a seventh less of it than at level 1, at 100 MB/s.
constexpr int kPackLevel = 5;
constexpr std::uint64_t kMostFrameBytes = std::uint64_t{64} << 10;

/// Those that may stand in a close frame: RFC 6455, 7.4.
bool is_close_code(unsigned code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         (code >= 3000 && code <= 4999);
}

bool is_sound_close(std::string_view payload) {
  if (payload.empty()) return true;
  if (payload.size() == 1) return false;
  return is_close_code(static_cast<unsigned char>(payload[0]) * 256U +
                       static_cast<unsigned char>(payload[1]));
}

/// Takes the part before `separator` off its begin, without space around it.
std::string_view take_part(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = trim(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

}  // namespace

FrameHeader::FrameHeader(Opcode opcode, bool is_packed, std::uint64_t payload_bytes) noexcept {
  bytes_[0] = static_cast<char>(kFinal | (is_packed ? kPacked : 0) | static_cast<unsigned>(opcode));
  std::size_t length_bytes = 0;
  if (payload_bytes < 126) {
    bytes_[1] = static_cast<char>(payload_bytes);
  } else {
    const bool is_long = payload_bytes > 0xffff;
    bytes_[1] = static_cast<char>(is_long ? 127 : 126);
    length_bytes = is_long ? 8 : 2;
  }
  for (std::size_t i = 0; i < length_bytes; ++i) {
    bytes_[1 + length_bytes - i] = static_cast<char>(payload_bytes >> (8 * i));
  }
  size_ = 2 + length_bytes;
}

std::string control_frame(Opcode opcode, std::string_view payload) {
  payload = payload.substr(0, kMostControlBytes);
  return std::string(FrameHeader(opcode, false, payload.size()).view()) + std::string(payload);
}

std::string close_frame(CloseCode code, std::string_view reason) {
  const auto number = static_cast<unsigned>(code);
  std::string payload{static_cast<char>(number >> 8U), static_cast<char>(number)};
  payload += reason;
  return control_frame(Opcode::close, payload);
}

std::size_t FrameReader::header_size() const noexcept {
  if (header_bytes_ < 2) return 2;
  const unsigned length = header_[1] & 0x7fU;
  const std::size_t length_bytes = length == 127 ? 8 : length == 126 ? 2 : 0;
  return 2 + length_bytes + ((header_[1] & kMasked) != 0 ? 4 : 0);
}

std::optional<CloseCode> FrameReader::begin_frame() {
  const unsigned first = header_[0];
  const unsigned opcode = first & 0x0fU;
  const bool is_final = (first & kFinal) != 0;
  const bool is_packed = (first & kPacked) != 0;
  left_ = header_[1] & 0x7fU;
  is_control_ = opcode >= 8;
  if ((first & kReserved) != 0 || (header_[1] & kMasked) == 0) return CloseCode::protocol_error;
  if (is_control_) {
    const bool is_known = opcode <= static_cast<unsigned>(Opcode::pong);
    if (!is_known || !is_final || is_packed || left_ > kMostControlBytes) {
      return CloseCode::protocol_error;
    }
    control_ = {.opcode = static_cast<Opcode>(opcode), .payload = {}};
  } else {
    const bool goes_on = opcode == static_cast<unsigned>(Opcode::continuation);
    if (opcode > static_cast<unsigned>(Opcode::binary) || goes_on != in_message_ ||
        (is_packed && (goes_on || !may_pack_))) {
      return CloseCode::protocol_error;
    }
    in_message_ = !is_final;
    const std::size_t length_bytes = left_ == 127 ? 8 : left_ == 126 ? 2 : 0;
    if (length_bytes > 0) left_ = 0;
    for (std::size_t i = 0; i < length_bytes; ++i) left_ = left_ << 8U | header_[2 + i];
    if ((length_bytes == 2 && left_ < 126) || (length_bytes == 8 && left_ <= 0xffff)) {
      return CloseCode::protocol_error;  // a length has but one form: RFC 6455, 5.2
    }
    if (left_ > kMostFrameBytes) return CloseCode::too_big;
  }
  in_payload_ = true;
  return std::nullopt;
}

std::optional<CloseCode> FrameReader::take(std::string_view bytes, std::vector<Control>& controls) {
  while (!bytes.empty() || (in_payload_ && left_ == 0)) {
    if (!in_payload_) {
      header_[header_bytes_++] = static_cast<unsigned char>(bytes.front());
      bytes.remove_prefix(1);
      if (header_bytes_ < 2 || header_bytes_ < header_size()) continue;
      if (const auto wrong = begin_frame()) return wrong;
      continue;
    }
    const std::string_view part = bytes.substr(0, std::min<std::uint64_t>(left_, bytes.size()));
    if (is_control_) {
      const unsigned char* mask = header_.data() + header_bytes_ - 4;
      for (const char c : part) {
        const unsigned char key = mask[control_.payload.size() % 4];
        control_.payload += static_cast<char>(static_cast<unsigned char>(c) ^ key);
      }
    }
    left_ -= part.size();
    bytes.remove_prefix(part.size());
    if (left_ > 0) continue;
    in_payload_ = false;
    header_bytes_ = 0;
    if (!is_control_) continue;
    const bool is_close = control_.opcode == Opcode::close;
    if (is_close && !is_sound_close(control_.payload)) return CloseCode::protocol_error;
    controls.push_back(std::move(control_));
    if (is_close) break;
  }
  return std::nullopt;
}

std::optional<std::string> accept_key(std::string_view key) {
  const auto nonce = from_base64(key);
  if (!nonce || nonce->size() != 16) return std::nullopt;
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest;
  ::SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return to_base64({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

bool offers_packed_messages(std::string_view extensions) {
  while (!extensions.empty()) {
    std::string_view offer = take_part(extensions, ',');
    if (take_part(offer, ';') != "permessage-deflate") continue;
    bool fits = true;
    while (fits && !offer.empty()) {
      std::string_view parameter = take_part(offer, ';');
      const std::string_view name = take_part(parameter, '=');
      // What is sent may refer to 32 KiB: a client who has room for less is not served so. How it
      // packs its own messages does not matter: nobody reads them.
      const bool is_flag =
          name == "server_no_context_takeover" || name == "client_no_context_takeover";
      const auto bits = parse_number(parameter);
      const bool is_window = name == "client_max_window_bits" &&
                             (parameter.empty() || (bits && *bits >= 8 && *bits <= 15));
      fits = (is_flag && parameter.empty()) || is_window;
    }
    if (fits) return true;
  }
  return false;
}

std::string pack_message(std::string_view payload) {
  z_stream stream{};
  if (::deflateInit2(&stream, kPackLevel, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw Error(Errc::unavailable, "no memory to pack a message");
  }
  std::string packed(::deflateBound(&stream, payload.size()) + 16, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(payload.data()));
  stream.avail_in = static_cast<uInt>(payload.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int done = ::deflate(&stream, Z_SYNC_FLUSH);
  const bool whole = done == Z_OK && stream.avail_in == 0 && stream.avail_out > 0;
  packed.resize(packed.size() - stream.avail_out);
  ::deflateEnd(&stream);
  if (!whole || !packed.ends_with(std::string_view("\0\0\xff\xff", 4))) {
    throw Error(Errc::invalid, "a message can't be packed");
  }
  packed.resize(packed.size() - 4);  // which whoever unpacks it adds again: RFC 7692, 7.2.1
  return packed;
}

}  // namespace cooper::server
