#include "base/time.h"

#include "base/text.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace cooper {
namespace chr = std::chrono;

std::string to_rfc3339(const Timestamp& time, Fraction fraction) {
  const auto local = time.at + time.utc_offset;
  const auto day = chr::floor<chr::days>(local);
  const chr::year_month_day date(day);
  const chr::hh_mm_ss clock(local - day);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  std::string result = text;
  if (fraction == Fraction::shown && clock.subseconds().count() != 0) {
    std::snprintf(text, sizeof text, ".%09lld", static_cast<long long>(clock.subseconds().count()));
    std::string digits = text;
    digits.erase(digits.find_last_not_of('0') + 1);
    result += digits;
  }
  if (time.utc_offset.count() == 0) return result + "Z";
  const auto minutes = std::abs(time.utc_offset.count());
  std::snprintf(text, sizeof text, "%c%02d:%02d", time.utc_offset.count() < 0 ? '-' : '+',
                static_cast<int>(minutes / 60), static_cast<int>(minutes % 60));
  return result + text;
}

namespace {

/// Takes exactly `digits` decimal digits off the front.
std::optional<int> take_digits(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  const auto value = parse_number(text.substr(0, digits));
  if (!value) return std::nullopt;
  text.remove_prefix(digits);
  return static_cast<int>(*value);
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<chr::nanoseconds> take_fraction(std::string_view& text) {
  if (!take(text, '.')) return chr::nanoseconds{0};
  std::int64_t value = 0;
  std::size_t digits = 0;
  for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; text.remove_prefix(1)) {
    if (++digits > 9) return std::nullopt;
    value = value * 10 + (text[0] - '0');
  }
  if (digits == 0) return std::nullopt;
  for (; digits < 9; ++digits) value *= 10;
  return chr::nanoseconds{value};
}

std::optional<chr::minutes> take_offset(std::string_view& text) {
  if (take(text, 'Z')) return chr::minutes{0};
  const int sign = take(text, '-') ? -1 : take(text, '+') ? 1 : 0;
  if (sign == 0) return std::nullopt;
  const auto hours = take_digits(text, 2);
  if (!hours || *hours > 23 || !take(text, ':')) return std::nullopt;
  const auto minutes = take_digits(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  return chr::minutes{sign * (*hours * 60 + *minutes)};
}

}  // namespace

std::optional<Timestamp> parse_rfc3339(std::string_view text) {
  const auto year = take_digits(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day || !take(text, 'T')) return std::nullopt;
  const auto hour = take_digits(text, 2);
  if (!hour || *hour > 23 || !take(text, ':')) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || *minute > 59 || !take(text, ':')) return std::nullopt;
  const auto second = take_digits(text, 2);
  if (!second || *second > 59) return std::nullopt;
  const auto fraction = take_fraction(text);
  if (!fraction) return std::nullopt;
  const auto offset = take_offset(text);
  if (!offset || !text.empty()) return std::nullopt;
  const chr::year_month_day date(chr::year{*year}, chr::month{static_cast<unsigned>(*month)},
                                 chr::day{static_cast<unsigned>(*day)});
  // Nanoseconds in 64 bits reach from 1678 to 2261.
  if (!date.ok() || *year < 1678 || *year > 2261) return std::nullopt;
  const Time local = chr::sys_days(date) + chr::hours{*hour} + chr::minutes{*minute} +
                     chr::seconds{*second} + *fraction;
  return Timestamp{local - *offset, *offset};
}

std::string to_text(chr::seconds duration) {
  const auto total = duration.count();
  const std::string seconds = std::to_string(total % 60) + "s";
  if (total < 60) return seconds;
  const std::string minutes = std::to_string(total / 60 % 60) + "m" + seconds;
  if (total < 3600) return minutes;
  return std::to_string(total / 3600) + "h" + minutes;
}

std::string seconds_text(chr::milliseconds duration) {
  if (duration >= chr::minutes{1}) return to_text(chr::duration_cast<chr::seconds>(duration));
  const auto tenths = duration.count() / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + "s";
}

std::optional<chr::seconds> parse_duration(std::string_view text) {
  constexpr std::uint64_t kMax = 10ULL * 366 * 24 * 3600;
  if (const auto plain = parse_number(text)) {
    if (*plain > kMax) return std::nullopt;
    return chr::seconds{static_cast<std::int64_t>(*plain)};
  }
  std::uint64_t total = 0;
  std::uint64_t last_unit = UINT64_MAX;
  while (!text.empty()) {
    const std::size_t digits = text.find_first_not_of("0123456789");
    if (digits == 0 || digits == std::string_view::npos) return std::nullopt;
    const auto value = parse_number(text.substr(0, digits));
    const char unit = text[digits];
    const std::uint64_t factor = unit == 'd'   ? 86400
                                 : unit == 'h' ? 3600
                                 : unit == 'm' ? 60
                                 : unit == 's' ? 1
                                               : 0;
    if (!value || *value > kMax || factor == 0 || factor >= last_unit) return std::nullopt;
    last_unit = factor;
    total += *value * factor;
    if (total > kMax) return std::nullopt;
    text.remove_prefix(digits + 1);
  }
  if (last_unit == UINT64_MAX) return std::nullopt;
  return chr::seconds{static_cast<std::int64_t>(total)};
}

chr::seconds seconds_between(Time from, Time to) noexcept {
  const auto first = chr::floor<chr::seconds>(from);
  const auto last = chr::floor<chr::seconds>(to);
  const bool part_of_a_second_less = to - last < from - first;
  return last.time_since_epoch() - first.time_since_epoch() -
         chr::seconds{part_of_a_second_less ? 1 : 0};
}

std::string ago(Time then, Time now) {
  const auto seconds = seconds_between(then, now).count();
  const auto say = [](std::int64_t count, const char* unit) {
    return std::to_string(count) + " " + unit + (count == 1 ? "" : "s") + " ago";
  };
  if (seconds < 1) return "just now";
  if (seconds < 60) return say(seconds, "second");
  if (seconds < 3600) return say(seconds / 60, "minute");
  if (seconds < 86400) return say(seconds / 3600, "hour");
  if (seconds < 7 * 86400) return say(seconds / 86400, "day");
  if (seconds < 30 * 86400) return say(seconds / (7 * 86400), "week");
  if (seconds < 365 * 86400) return say(seconds / (30 * 86400), "month");
  return say(seconds / (365 * 86400), "year");
}

}  // namespace cooper
