#pragma once
// What the words of properties mean. nullopt: nothing.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::build {

/// `512m`, `2g`, `512MB`, `2GiB`, `1073741824`: all binary units, as the engines mean them.
std::optional<std::uint64_t> parse_bytes(std::string_view text);

/// Thousandths of a processor: "1.5" is 1500.
std::optional<std::uint32_t> parse_cpus(std::string_view text);

/// How many builds may run at once; "cores" is 0.
std::optional<unsigned> parse_concurrency(std::string_view text);

/// "https, ssh": see FetchPolicy::schemes.
std::vector<std::string> parse_schemes(std::string_view text);

}  // namespace cooper::build
