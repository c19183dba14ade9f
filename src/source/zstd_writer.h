#pragma once
// Compresses a stream with several threads, in bounded memory.

#include <zstd.h>

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

namespace cooper::source {

/// Cuts what it is given into blocks of a fixed size and writes each as a zstd
/// frame of its own; frames in a row are one valid `.zst`. The blocks need
/// nothing of each other, so every processor can work on one, and the output
/// does not depend on how many there are. (libzstd has threads too, but not in
/// the static library of the distribution.)
///
/// One thread writes into it. A failed write of the output is thrown by the
/// next call.
class ZstdWriter {
 public:
  static constexpr std::size_t kBlockSize = std::size_t{4} << 20;
  static constexpr unsigned kMaxThreads = 4;

  /// `out` is borrowed. threads 0: one for each processor; at most kMaxThreads.
  ZstdWriter(int out, int level, unsigned threads);
  /// Stops the threads; what was not finished is lost.
  ~ZstdWriter();
  ZstdWriter(const ZstdWriter&) = delete;
  ZstdWriter& operator=(const ZstdWriter&) = delete;

  void write(std::string_view bytes);
  void write_zeros(std::size_t count);

  /// Free space in the current block, never empty: read straight into it, then
  /// say with advance() how much of it is used.
  std::span<char> space();
  void advance(std::size_t used);

  /// Compresses and writes what is left. Call once, last. Throws Error.
  void finish();

  /// Bytes written to `out`; settled after finish().
  std::uint64_t written() const noexcept { return written_; }

 private:
  enum class State : std::uint8_t { free, full, busy, done };
  struct Block {
    std::vector<char> in;
    std::vector<char> out;
    std::size_t used = 0;        ///< bytes of in
    std::size_t compressed = 0;  ///< bytes of out
    State state = State::free;
  };
  using Context = std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)>;

  Block& block(std::uint64_t number) { return blocks_[number % blocks_.size()]; }
  void submit();
  void work(int level);
  void compress_one(ZSTD_CCtx* context, std::unique_lock<std::mutex>& lock);
  void write_done(std::unique_lock<std::mutex>& lock);
  void rethrow_failure() const;

  int out_;
  std::vector<Block> blocks_;  ///< a ring; block n of the stream is in n % size
  std::size_t used_ = 0;       ///< of the block being filled; the filling thread's own

  std::mutex mutex_;
  std::condition_variable work_;   ///< a block is full, or it ends
  std::condition_variable space_;  ///< a block is free, or it failed
  std::uint64_t filling_ = 0;      ///< number of the block being filled
  std::uint64_t next_ = 0;         ///< number of the first block that nobody compresses yet
  std::uint64_t to_write_ = 0;     ///< number of the first block that is not written
  bool writing_ = false;           ///< a thread is in write(2)
  bool ending_ = false;
  std::exception_ptr failure_;
  std::uint64_t written_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace cooper::source
