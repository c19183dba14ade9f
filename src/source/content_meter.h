#pragma once
// Compressed streams of others, undone by a process of its own (cooper-unpack): what they can do
// to a decompressor does not happen to us.

#include "base/fd.h"
#include "process/child.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::source {

/// cooper-unpack, at work on a stream.
class UnpackProcess {
 public:
  /// What it is told, and its standard input and output, which are borrowed; -1: /dev/null. It
  /// takes at most `limit` of a processor's time, and ends on a stop request. Throws Error.
  UnpackProcess(std::vector<std::string> words, int in, int out, std::chrono::seconds limit,
                std::stop_token stop);
  ~UnpackProcess();
  UnpackProcess(const UnpackProcess&) = delete;
  UnpackProcess& operator=(const UnpackProcess&) = delete;

  /// Waits for its end. Returns what it answered after "ok "; throws the Error that it answered,
  /// Error{canceled}, and Error{corrupt} if the stream was too much for it.
  std::string finish();

 private:
  struct Kill {
    int pidfd;
    void operator()() const noexcept;
  };

  std::stop_token stop_;
  Pipe answer_;
  process::Child child_;
  std::stop_callback<Kill> killed_;
};

/// What a compressed content (gzip, zstd, bzip2 or xz), given piece by piece, unpacks to, without
/// keeping it.
class ContentMeter {
 public:
  struct Limits {
    std::uint64_t bytes = 0;  ///< that it may unpack to
    std::chrono::seconds time{600};
  };
  struct Measured {
    std::uint64_t bytes = 0;
    std::string digest;  ///< SHA-256, 64 hex
  };

  /// `size`: how many bytes will be given. Throws Error.
  ContentMeter(std::uint64_t size, const Limits& limits, std::stop_token stop);

  /// The next piece. Nothing is thrown for what is wrong with it: finish() tells.
  void write(std::string_view bytes);

  /// Throws Error{corrupt} for what is none of the four, is damaged or cut, or is followed by
  /// anything else; Error{invalid} if it unpacks to more than it may; Error{canceled}.
  Measured finish();

 private:
  Pipe input_;
  std::optional<UnpackProcess> process_;
  bool is_wanted_ = true;
};

enum class Compression : std::uint8_t { gzip, zstd };

/// The two bytes that such a stream begins with.
constexpr std::string_view magic_of(Compression compression) noexcept {
  return compression == Compression::gzip ? "\x1f\x8b" : "\x28\xb5";
}

/// Undoes the compression of what comes from `in`, whose first two bytes (the magic) have been
/// read, to `out`. Throws Error{corrupt} for what is damaged, cut, or followed by anything else;
/// Error{canceled} on a stop request; Error if it can't read or write.
void unpack_apart(Compression compression, int in, int out, std::stop_token stop);

}  // namespace cooper::source
