#pragma once
// Getting source from the network, as far as its owner lets us.

#include "source/url.h"

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

namespace cooper::source {

/// Which hosts may be asked: whoever names a URL has us ask in his place, also what only
/// we can reach.
enum class Reach : std::uint8_t { internet, anywhere };

/// What a fetch may do and cost.
struct FetchPolicy {
  std::vector<std::string> schemes = {"https", "ssh"};
  Reach reach = Reach::internet;
  std::uint64_t bytes = std::uint64_t{1} << 30;
  std::chrono::seconds time{600};
};

/// Base name of the program that speaks to the network.
inline constexpr std::string_view kFetchName = "cooper-fetch";

/// Error{denied}, with the property to set, if the URL's scheme is not among the allowed.
void require_scheme(const SourceUrl& url, const FetchPolicy& policy);

/// Writes what an http or https URL has to the descriptor `out`; returns how many bytes. By a
/// process of its own (cooper-fetch). Follows at most 5 redirects, never to another scheme
/// than `policy` allows. With Reach::internet no connection is made but to public addresses
/// (source/address.h), whatever names say, and no proxy is used, since it would connect
/// for us. Throws Error: what is wrong in one line, without credentials and without anything
/// of the answer's body; then `out` holds a part.
std::uint64_t fetch(const SourceUrl& url, int out, const FetchPolicy& policy, std::stop_token stop);

/// Those addresses of a host that `policy` allows, for a program that can't check where it
/// connects to. Error{denied} if it allows none of them; Error{unavailable} if there is none.
std::vector<std::string> resolve(const std::string& host, const FetchPolicy& policy,
                                 std::stop_token stop);

}  // namespace cooper::source
