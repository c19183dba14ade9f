#include "server/client_address.h"

#include "base/text.h"

#include <algorithm>
#include <arpa/inet.h>
#include <optional>

namespace cooper::server {

namespace {

using Bytes = std::array<unsigned char, 16>;
constexpr unsigned kIpv4Prefix = 96;

/// IPv4 as ::ffff:a.b.c.d; nullopt: it is no address. A scope (fe80::1%eth0) is left out.
std::optional<Bytes> parse_address(std::string_view text) {
  const std::string name(text.substr(0, text.find('%')));
  Bytes bytes{};
  if (::inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1) return bytes;
  bytes = {};
  bytes[10] = bytes[11] = 0xff;
  if (::inet_pton(AF_INET, name.c_str(), bytes.data() + 12) == 1) return bytes;
  return std::nullopt;
}

bool is_ipv4(const Bytes& bytes) {
  return std::all_of(bytes.begin(), bytes.begin() + 10, [](unsigned char c) { return c == 0; }) &&
         bytes[10] == 0xff && bytes[11] == 0xff;
}

Bytes masked(Bytes bytes, unsigned bits) {
  for (unsigned i = 0; i < 16; ++i) {
    const unsigned kept = std::min(bits - std::min(bits, 8 * i), 8U);
    bytes[i] = static_cast<unsigned char>(bytes[i] & (0xff00U >> kept));
  }
  return bytes;
}

std::string shown(const Bytes& bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (is_ipv4(bytes)) {
    ::inet_ntop(AF_INET, bytes.data() + 12, text.data(), text.size());
  } else {
    ::inet_ntop(AF_INET6, bytes.data(), text.data(), text.size());
  }
  return text.data();
}

/// "10.0.0.1", "10.0.0.1:80", "[::1]:80", "::1" as proxies write them.
std::optional<Bytes> parse_forwarded(std::string_view text) {
  if (text.starts_with('[')) return parse_address(text.substr(1, text.find(']') - 1));
  if (std::ranges::count(text, ':') == 1) text = text.substr(0, text.find(':'));
  return parse_address(text);
}

}  // namespace

Result<AddressBlock> AddressBlock::parse(std::string_view text) {
  const Error bad(Errc::invalid,
                  "\"" + shorten(printable(text), 60) + "\" is no address of a proxy",
                  "an address or a block of them: 10.0.0.5, 10.0.0.0/8, ::1");
  const std::size_t slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) return bad;
  AddressBlock block;
  if (slash != std::string_view::npos) {
    const auto bits = parse_number(text.substr(slash + 1));
    const bool short_form = text.substr(0, slash).find(':') == std::string_view::npos;
    if (!bits || *bits > (short_form ? 32 : 128)) return bad;
    block.bits_ = static_cast<unsigned>(*bits) + (short_form ? kIpv4Prefix : 0);
  }
  block.bytes_ = masked(*address, block.bits_);
  return block;
}

bool AddressBlock::contains(std::string_view address) const {
  const auto bytes = parse_address(address);
  return bytes && masked(*bytes, bits_) == bytes_;
}

std::string address_block(std::string_view address) {
  const auto bytes = parse_address(address);
  if (!bytes) return std::string(address);
  return is_ipv4(*bytes) ? shown(*bytes) : shown(masked(*bytes, 64)) + "/64";
}

std::string client_address(std::string_view peer, std::span<const std::string_view> forwarded,
                           std::span<const AddressBlock> trusted) {
  const auto is_trusted = [&](std::string_view address) {
    return std::ranges::any_of(trusted,
                               [&](const AddressBlock& block) { return block.contains(address); });
  };
  std::string client(peer);
  if (!is_trusted(client)) return client;
  std::vector<std::string_view> hops;
  for (const std::string_view header : forwarded) {
    for (const std::string_view hop : split(header, ',')) hops.push_back(trim(hop));
  }
  for (auto hop = hops.rbegin(); hop != hops.rend(); ++hop) {
    const auto bytes = parse_forwarded(*hop);
    if (!bytes) break;
    client = shown(*bytes);
    if (!is_trusted(client)) break;
  }
  return client;
}

}  // namespace cooper::server
