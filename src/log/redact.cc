#include "log/redact.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace cooper::log {

namespace {

std::uint32_t load4(const char* bytes) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

// Of 4 bytes in memory, the first 3.
constexpr std::uint32_t first3(std::uint32_t value) {
  return std::endian::native == std::endian::little ? value & 0x00FFFFFFU : value >> 8;
}

constexpr std::uint32_t hash(std::uint32_t value, std::size_t bits) {
  return (value * 0x9E3779B1U) >> (32 - bits);
}

}  // namespace

Redactor::Redactor(const std::vector<std::string>& secrets) {
  for (const std::string& secret : secrets) {
    std::vector<std::string> forms = forms_of_secret(secret);
    std::move(forms.begin(), forms.end(), std::back_inserter(patterns_));
  }
  std::sort(patterns_.begin(), patterns_.end());
  patterns_.erase(std::unique(patterns_.begin(), patterns_.end()), patterns_.end());
  filter_.assign((std::size_t{1} << kFilterBits) / 8, 0);
  buckets_.resize(std::size_t{1} << kBucketBits);
  for (std::uint32_t i = 0; i < patterns_.size(); ++i) {
    add_to_filter(patterns_[i]);
    buckets_[hash(load4(patterns_[i].data()), kBucketBits)].push_back(i);
    first_bytes_.set(static_cast<unsigned char>(patterns_[i][0]));
    longest_ = std::max(longest_, patterns_[i].size());
  }
  for (std::vector<std::uint32_t>& bucket : buckets_)
    std::stable_sort(bucket.begin(), bucket.end(), [&](std::uint32_t a, std::uint32_t b) {
      return patterns_[a].size() > patterns_[b].size();
    });
}

void Redactor::add_to_filter(const std::string& pattern) {
  const std::uint32_t at_0 = hash(first3(load4(pattern.data())), kFilterBits);
  std::uint32_t from_1 = 0;
  std::memcpy(&from_1, pattern.data() + 1, 3);
  const std::uint32_t at_1 = hash(first3(from_1), kFilterBits);
  filter_[at_0 >> 3] |= static_cast<std::uint8_t>(1U << (at_0 & 7));
  filter_[at_1 >> 3] |= static_cast<std::uint8_t>(1U << (at_1 & 7));
}

std::size_t Redactor::longest_at(std::string_view text, std::size_t at) const {
  const std::string_view rest = text.substr(at);
  for (const std::uint32_t i : buckets_[hash(load4(rest.data()), kBucketBits)])
    if (rest.starts_with(patterns_[i])) return patterns_[i].size();
  return 0;
}

// Looks at every second place only: a pattern that begins at an even place
// shows its bytes 0..2 there, one that begins at an odd place its bytes 1..3 at
// the next even one. Almost all places fail the filter, whose loads don't wait
// for each other; that is what makes it fast.
template <class Found>
void Redactor::scan(std::string_view text, Found&& found) const {
  if (text.size() < 4 || empty()) return;
  const auto try_at = [&](std::size_t at) {
    if (const std::size_t length = longest_at(text, at)) found(Match{at, at + length});
  };
  const auto may_be_at = [&](std::size_t at) -> unsigned {
    const std::uint32_t h = hash(first3(load4(text.data() + at)), kFilterBits);
    return (static_cast<unsigned>(filter_[h >> 3]) >> (h & 7)) & 1U;
  };
  const auto look_at = [&](std::size_t at) {
    if (!may_be_at(at)) return;
    if (at > 0) try_at(at - 1);
    try_at(at);
  };
  const std::size_t last = text.size() - 4;
  std::size_t at = 0;
  for (; at + 6 <= last; at += 8) {
    const unsigned any = may_be_at(at) | may_be_at(at + 2) | may_be_at(at + 4) | may_be_at(at + 6);
    if (!any) continue;
    for (std::size_t k = 0; k < 8; k += 2) look_at(at + k);
  }
  for (; at <= last; at += 2) look_at(at);
  if (last % 2 == 1) try_at(last);
}

// Where the longest end of the text begins that is the beginning of a pattern,
// but not all of it.
std::size_t Redactor::hold_from(std::string_view text) const {
  if (empty()) return text.size();
  std::size_t at = text.size() - std::min(text.size(), longest_ - 1);
  for (; at < text.size(); ++at) {
    if (!first_bytes_.test(static_cast<unsigned char>(text[at]))) continue;
    const std::string_view end = text.substr(at);
    auto longer = std::upper_bound(patterns_.begin(), patterns_.end(), end);
    if (longer != patterns_.end() && std::string_view(*longer).starts_with(end)) break;
  }
  return at;
}

std::string Redactor::redact(std::string_view text) const {
  RedactStream stream(*this);
  std::string out(stream.filter(text));
  out += stream.flush();
  return out;
}

std::string_view RedactStream::filter(std::string_view bytes) {
  if (held_.empty()) return emit(bytes, redactor_.hold_from(bytes));
  text_ = held_;
  text_ += bytes;
  return emit(text_, redactor_.hold_from(text_));
}

std::string_view RedactStream::flush() {
  text_ = held_;
  return emit(text_, text_.size());
}

std::string_view RedactStream::emit(std::string_view text, std::size_t hold_from) {
  out_.clear();
  std::size_t shown = hidden_;  // everything before it is in out_, or hidden
  bool open = touches_;         // a [redacted] ends exactly at `shown`
  bool any = hidden_ > 0;
  redactor_.scan(text, [&](Redactor::Match match) {
    if (match.begin >= hold_from) return;  // will be found again, perhaps longer
    any = true;
    if (match.begin > shown || !open) {
      if (match.begin > shown) out_ += text.substr(shown, match.begin - shown);
      out_ += kRedacted;
    }
    open = true;
    shown = std::max(shown, match.end);
  });
  std::string_view result;
  if (!any) {
    result = text.substr(0, hold_from);
  } else {
    if (hold_from > shown) out_ += text.substr(shown, hold_from - shown);
    result = out_;
  }
  touches_ = open && shown >= hold_from;
  hidden_ = shown > hold_from ? shown - hold_from : 0;
  held_.assign(text.substr(hold_from));
  return result;
}

}  // namespace cooper::log
