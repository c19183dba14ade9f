#include "server/frames.h"

#include <gtest/gtest.h>

#include <zlib.h>

namespace cooper::server {
namespace {

/// As a client sends it.
std::string masked(unsigned first, std::string_view payload, std::uint64_t length) {
  std::string frame{static_cast<char>(first)};
  std::size_t length_bytes = 0;
  if (length < 126) {
    frame += static_cast<char>(0x80U | length);
  } else {
    length_bytes = length > 0xffff ? 8 : 2;
    frame += static_cast<char>(length_bytes == 8 ? 0xff : 0xfe);
  }
  for (std::size_t i = length_bytes; i-- > 0;) frame += static_cast<char>(length >> (8 * i));
  const std::string_view key = "\x11\x22\x33\x44";
  frame += key;
  for (std::size_t i = 0; i < payload.size(); ++i) {
    frame += static_cast<char>(payload[i] ^ key[i % 4]);
  }
  return frame;
}
std::string masked(unsigned first, std::string_view payload) {
  return masked(first, payload, payload.size());
}

std::optional<CloseCode> read(std::string_view bytes, bool may_pack = false) {
  FrameReader reader(may_pack);
  std::vector<Control> controls;
  return reader.take(bytes, controls);
}

std::string unpack(std::string packed) {
  packed += std::string("\0\0\xff\xff", 4);
  std::string text(1 << 20, '\0');
  z_stream stream{};
  EXPECT_EQ(::inflateInit2(&stream, -15), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  EXPECT_EQ(::inflate(&stream, Z_SYNC_FLUSH), Z_OK);
  text.resize(stream.total_out);
  ::inflateEnd(&stream);
  return text;
}

TEST(FrameHeader, BearsLengthsOfAllSizes) {
  EXPECT_EQ(FrameHeader(Opcode::text, false, 5).view(), "\x81\x05");
  EXPECT_EQ(FrameHeader(Opcode::text, true, 125).view(), "\xc1\x7d");
  EXPECT_EQ(FrameHeader(Opcode::text, false, 126).view(), std::string_view("\x81\x7e\x00\x7e", 4));
  EXPECT_EQ(FrameHeader(Opcode::text, false, 0xffff).view(), "\x81\x7e\xff\xff");
  EXPECT_EQ(FrameHeader(Opcode::text, false, 0x10000).view(),
            std::string_view("\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10));
}

TEST(ControlFrame, HoldsAtMost125Bytes) {
  EXPECT_EQ(control_frame(Opcode::pong, "hi"), "\x8a\x02hi");
  EXPECT_EQ(control_frame(Opcode::pong, std::string(200, 'x')).size(), 2U + 125U);
  EXPECT_EQ(close_frame(CloseCode::going_away, "bye"),
            "\x88\x05\x03\xe9"
            "bye");
}

TEST(FrameReader, TellsControlsWhereverTheirBytesAreCut) {
  const std::string bytes = masked(0x89, "are you there") + masked(0x81, "ignored") +
                            masked(0x01, "in two ") + masked(0x8a, "") + masked(0x80, "parts") +
                            masked(0x88,
                                   "\x03\xe8"
                                   "bye");
  for (std::size_t cut = 1; cut <= bytes.size(); ++cut) {
    FrameReader reader(false);
    std::vector<Control> controls;
    for (std::size_t at = 0; at < bytes.size(); at += cut) {
      ASSERT_EQ(reader.take(std::string_view(bytes).substr(at, cut), controls), std::nullopt);
    }
    ASSERT_EQ(controls.size(), 3U) << cut;
    EXPECT_EQ(controls[0].payload, "are you there");
    EXPECT_EQ(controls[1].opcode, Opcode::pong);
    EXPECT_EQ(controls[2].payload,
              "\x03\xe8"
              "bye");
  }
}

TEST(FrameReader, TakesMessagesOfAnyLengthUpTo64KiB) {
  EXPECT_EQ(read(masked(0x82, std::string(126, 'x'))), std::nullopt);
  EXPECT_EQ(read(masked(0x82, std::string(65536, 'x'))), std::nullopt);
  EXPECT_EQ(read(masked(0x82, "", 65537)), CloseCode::too_big);
  EXPECT_EQ(read(masked(0x82, "", ~std::uint64_t{0})), CloseCode::too_big);
}

TEST(FrameReader, RefusesLengthsThatCouldBeShorter) {
  const auto header = [](std::string_view length) {
    return "\x82" + std::string(length) + std::string(4, '\0');
  };
  EXPECT_EQ(read(header(std::string_view("\xfe\x00\x7d", 3))), CloseCode::protocol_error);
  EXPECT_EQ(read(header(std::string_view("\xfe\x00\x7e", 3))), std::nullopt);
  EXPECT_EQ(read(header(std::string_view("\xff\0\0\0\0\0\0\xff\xff", 9))),
            CloseCode::protocol_error);
  EXPECT_EQ(read(header(std::string_view("\xff\0\0\0\0\0\0\0\x05", 9))), CloseCode::protocol_error);
}

TEST(FrameReader, RefusesWhatIsNoFrameOfAClient) {
  EXPECT_EQ(read("\x81\x02hi"), CloseCode::protocol_error) << "not masked";
  EXPECT_EQ(read(masked(0x91, "")), CloseCode::protocol_error) << "a reserved bit";
  EXPECT_EQ(read(masked(0xc1, "")), CloseCode::protocol_error) << "packed";
  EXPECT_EQ(read(masked(0xc1, ""), true), std::nullopt);
  EXPECT_EQ(read(masked(0xc9, ""), true), CloseCode::protocol_error) << "a packed ping";
  EXPECT_EQ(read(masked(0x83, "")), CloseCode::protocol_error) << "no such opcode";
  EXPECT_EQ(read(masked(0x8b, "")), CloseCode::protocol_error) << "no such control";
  EXPECT_EQ(read(masked(0x09, "")), CloseCode::protocol_error) << "a ping in parts";
  EXPECT_EQ(read(masked(0x89, std::string(126, 'x'))), CloseCode::protocol_error) << "a long ping";
  EXPECT_EQ(read(masked(0x80, "")), CloseCode::protocol_error) << "goes on with nothing";
  EXPECT_EQ(read(masked(0x01, "") + masked(0x01, "")), CloseCode::protocol_error) << "begun twice";
  EXPECT_EQ(read(masked(0x88, "x")), CloseCode::protocol_error) << "half a code";
  EXPECT_EQ(read(masked(0x88, "\x03\xed")), CloseCode::protocol_error) << "1005 is never sent";
}

TEST(AcceptKey, IsThatOfTheStandardsExample) {
  EXPECT_EQ(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(accept_key(""), std::nullopt);
  EXPECT_EQ(accept_key("c2hvcnQ="), std::nullopt);
  EXPECT_EQ(accept_key("?"), std::nullopt);
}

TEST(PackedMessages, AreForWhoUnpacksAnyWindow) {
  EXPECT_TRUE(offers_packed_messages("permessage-deflate"));
  EXPECT_TRUE(offers_packed_messages("permessage-deflate; client_max_window_bits"));
  EXPECT_TRUE(
      offers_packed_messages("x-other, permessage-deflate;server_no_context_takeover ;"
                             " client_max_window_bits=10"));
  EXPECT_TRUE(
      offers_packed_messages("permessage-deflate; server_max_window_bits=10, permessage-deflate"));
  EXPECT_FALSE(offers_packed_messages(""));
  EXPECT_FALSE(offers_packed_messages("permessage-deflate; server_max_window_bits=10"));
  EXPECT_FALSE(offers_packed_messages("permessage-deflate; unknown"));
  EXPECT_FALSE(offers_packed_messages("x-permessage-deflate"));
}

TEST(PackedMessages, AreEachUnpackedAlone) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "line " + std::to_string(i) + " of a log\n";
  const std::string packed = pack_message(text);
  EXPECT_LT(packed.size(), text.size() / 4);
  EXPECT_EQ(unpack(packed), text);
  const std::string noise = "\x01\x80\xff a few bytes";
  EXPECT_EQ(unpack(pack_message(noise)), noise);
}

}  // namespace
}  // namespace cooper::server
