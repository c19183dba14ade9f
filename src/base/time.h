#pragma once
// Moments and durations, and how they are written.

#include <chrono>
#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace cooper {

using Time = std::chrono::sys_time<std::chrono::nanoseconds>;  ///< always UTC

/// The wall clock.
inline Time now() {
  return std::chrono::time_point_cast<Time::duration>(std::chrono::system_clock::now());
}

/// A moment as a record holds it. Ours are UTC; records that others wrote may
/// carry another offset, which is kept when the record is rewritten.
struct Timestamp {
  Time at;
  std::chrono::minutes utc_offset{0};
  auto operator<=>(const Timestamp&) const = default;
};

enum class Fraction { shown, dropped };

/// RFC 3339: `2026-11-21T03:19:38.25Z`; the fraction has no trailing zeros.
std::string to_rfc3339(const Timestamp& time, Fraction fraction = Fraction::shown);

/// Strict RFC 3339, up to 9 fraction digits, years 1678 to 2261 (what 64 bits of
/// nanoseconds hold); else nullopt.
std::optional<Timestamp> parse_rfc3339(std::string_view text);

/// Whole seconds as `1m14s`, `0s`, `2h1m14s`, `4873h48m21s` (Go's spelling).
std::string to_text(std::chrono::seconds duration);

/// `0.3s`, `12.0s`, then as to_text: for a person who waits.
std::string seconds_text(std::chrono::milliseconds duration);

/// `30m`, `1h30m`, `45s`, or a bare number of seconds. nullopt if it is
/// neither, or above ten years.
std::optional<std::chrono::seconds> parse_duration(std::string_view text);

/// `2 days ago`, `1 minute ago`, `just now`: what a person reads in a table.
std::string ago(Time then, Time now);

/// Whole seconds from one moment to another, rounded down. Right for every pair of times; a
/// plain difference of two that are centuries apart would overflow.
std::chrono::seconds seconds_between(Time from, Time to) noexcept;

}  // namespace cooper
