#include "model/names.h"

#include "base/ascii.h"
#include "base/random.h"
#include "base/text.h"
#include "base/time.h"

#include <algorithm>
#include <mutex>

namespace cooper {

namespace {

bool is_lower_or_digit(char c) { return is_lower(c) || is_digit(c); }

std::string quoted(std::string_view text) { return "\"" + shorten(text, 80) + "\""; }

}  // namespace

bool AppNameRule::check(std::string_view text) noexcept {
  constexpr std::size_t kLongest = 255;  // of a folder's name
  return !text.empty() && text.size() <= kLongest && is_lower_or_digit(text.front()) &&
         std::ranges::all_of(text,
                             [](char c) { return is_lower_or_digit(c) || c == '-' || c == '.'; });
}

Error AppNameRule::refuse(std::string_view text) {
  return Error(Errc::invalid, "invalid app name " + quoted(text),
               "an app name starts with a lowercase letter or digit, goes on with those, '-' and "
               "'.', and has at most 255 characters");
}

bool BuildIdRule::check(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 64 && text[0] != '-' &&
         std::ranges::all_of(text,
                             [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_'; });
}

Error BuildIdRule::refuse(std::string_view text) {
  return Error(Errc::invalid, "invalid build id " + quoted(text),
               "an id has letters, digits, '-' and '_' only; `cooper builds` lists them");
}

bool ReleaseIdRule::check(std::string_view text) noexcept {
  return text.size() >= 2 && text.size() <= 64 && text[0] == 'r' &&
         std::ranges::all_of(text, is_lower_or_digit);
}

Error ReleaseIdRule::refuse(std::string_view text) {
  return Error(
      Errc::invalid, "invalid release id " + quoted(text),
      "a release id is 'r' and lowercase letters and digits; `cooper releases` lists them");
}

bool ServiceNameRule::check(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 63 && is_letter(text.front()) && text.back() != '-' &&
         std::ranges::all_of(text,
                             [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_'; });
}

Error ServiceNameRule::refuse(std::string_view text) {
  return Error(Errc::invalid, "invalid service name " + quoted(text),
               "a service name starts with a letter, goes on with letters, digits, '-' and '_', "
               "and has at most 63 characters");
}

bool PropertyKeyRule::check(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 63 && is_lower(text[0]) &&
         std::ranges::all_of(text, [](char c) { return is_lower_or_digit(c) || c == '-'; });
}

Error PropertyKeyRule::refuse(std::string_view text) {
  return Error(Errc::invalid, "invalid property " + quoted(text));
}

namespace {

/// Clock digits that never repeat or fall back within this process: several ids
/// of one millisecond take the following ones.
std::string next_clock_digits() {
  static std::mutex mutex;
  static std::int64_t last = 0;
  const std::lock_guard lock(mutex);
  const std::int64_t clock =
      std::chrono::duration_cast<std::chrono::milliseconds>(now().time_since_epoch()).count();
  last = std::max(last + 1, clock);
  std::string digits(8, '0');
  std::int64_t rest = last;
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit, rest /= 36) {
    *digit = "0123456789abcdefghijklmnopqrstuvwxyz"[rest % 36];
  }
  return digits;
}

}  // namespace

BuildId new_build_id() { return BuildId::parse(next_clock_digits() + random_base36(6)).value(); }

ReleaseId new_release_id() {
  return ReleaseId::parse("r" + next_clock_digits() + random_base36(6)).value();
}

}  // namespace cooper
