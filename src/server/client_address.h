#pragma once
// Who is behind a connection: addresses, blocks of them, and what proxies say.

#include "base/error.h"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace cooper::server {

/// `10.0.0.0/8`, `::1`, `2001:db8::/32`: an address or a block.
class AddressBlock {
 public:
  /// Error{invalid}.
  [[nodiscard]] static Result<AddressBlock> parse(std::string_view text);
  /// False for what is no address. An IPv4 address in IPv6 (::ffff:10.0.0.1) is the IPv4 one.
  bool contains(std::string_view address) const;

 private:
  std::array<unsigned char, 16> bytes_{};  ///< of IPv4 as ::ffff:a.b.c.d
  unsigned bits_ = 128;
};

/// What one peer can choose freely is one: an IPv4 address, an IPv6 /64. Any other text is itself.
std::string address_block(std::string_view address);

/// Whose request it is that came from `peer`: that address, unless it is a trusted proxy, which
/// says in X-Forwarded-For (all headers, in order) for whom it asks; of several proxies the last
/// address that is none of ours. What can't be understood ends the way back.
std::string client_address(std::string_view peer, std::span<const std::string_view> forwarded,
                           std::span<const AddressBlock> trusted);

}  // namespace cooper::server
