#pragma once
// Hides secrets in build output before it reaches the log: the secrets
// themselves and the forms in which tools print them.

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::log {

/// What stands in the log for a secret.
inline constexpr std::string_view kRedacted = "[redacted]";

/// Finds secrets in text. Looks for each secret, its base64 (at any alignment
/// within encoded data) and base64url, percent-encoded and JSON-escaped forms,
/// and each line of a secret of several lines.
///
/// Secrets, lines and forms of less than 4 bytes are not hidden: they would
/// match all over ordinary output (a password `a1` in every second hash) and
/// tell by their absence what they are. Not found are forms that we do not
/// know, such as base64 broken into lines; and of base64 within other data the
/// first and last character may stay, with at most 4 bits of the secret each.
///
/// Immutable after construction: any number of threads may use one.
class Redactor {
 public:
  explicit Redactor(const std::vector<std::string>& secrets);

  /// Nothing to hide.
  bool empty() const noexcept { return patterns_.empty(); }

  /// A whole text at once.
  std::string redact(std::string_view text) const;

 private:
  friend class RedactStream;

  // A pattern that begins at a place in the text, as found by next_match.
  struct Match {
    std::size_t begin;
    std::size_t end;
  };

  void add_to_filter(const std::string& pattern);
  /// Calls `found(Match)` for the longest pattern at each place where one
  /// begins, left to right.
  template <class Found>
  void scan(std::string_view text, Found&& found) const;
  std::size_t longest_at(std::string_view text, std::size_t at) const;
  std::size_t hold_from(std::string_view text) const;

  static constexpr std::size_t kFilterBits = 17;
  static constexpr std::size_t kBucketBits = 10;

  std::vector<std::string> patterns_;  // sorted, unique, each of at least 4 bytes
  std::size_t longest_ = 0;
  std::bitset<256> first_bytes_;
  // One bit for each hash of 3 bytes that stand at place 0 or 1 of a pattern.
  std::vector<std::uint8_t> filter_;
  // Patterns by the hash of their first 4 bytes, the longest first.
  std::vector<std::vector<std::uint32_t>> buckets_;
};

/// The same over a stream that comes in pieces: a secret that is split over
/// any number of writes is found. Holds back only the longest end of the text
/// that may still become a secret. One thread at a time. The redactor must
/// outlive it.
///
/// What is hidden is the union of all matches; a run of overlapping or
/// touching ones becomes one `[redacted]`.
class RedactStream {
 public:
  explicit RedactStream(const Redactor& redactor) : redactor_(redactor) {}

  /// What may be shown now. The view is valid until the next call, and no
  /// longer than `bytes` is.
  std::string_view filter(std::string_view bytes);
  /// The end of the stream: gives out what was held back.
  std::string_view flush();

 private:
  std::string_view emit(std::string_view text, std::size_t hold_from);

  const Redactor& redactor_;
  std::string held_;
  // So many first bytes of held_ belong to a secret that is already written as
  // [redacted].
  std::size_t hidden_ = 0;
  // The last thing written was [redacted], and the next byte touches it.
  bool touches_ = false;
  std::string text_;
  std::string out_;
};

/// Values separated by newlines, as in COOPER_REDACT; empty ones are left out.
std::vector<std::string> secrets_from_lines(std::string_view value);

/// The forms of one secret that are looked for, itself included; unsorted,
/// each of at least 4 bytes.
std::vector<std::string> forms_of_secret(std::string_view secret);

}  // namespace cooper::log
