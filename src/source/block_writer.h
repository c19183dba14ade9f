#pragma once
// Compresses a stream with several threads, in bounded memory.

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

namespace cooper::source {

/// Compresses one block, which needs nothing of those before it. One thread.
class BlockCompressor {
 public:
  virtual ~BlockCompressor() = default;
  /// The most that a block of `bytes` can become.
  virtual std::size_t bound(std::size_t bytes) const = 0;
  /// Returns how much of `out`, which has the room that bound() tells, it is. Throws Error.
  virtual std::size_t compress(std::string_view in, std::span<char> out) = 0;
};

/// Makes one for each thread.
using MakeCompressor = std::function<std::unique_ptr<BlockCompressor>()>;

/// A block becomes a zstd frame.
MakeCompressor zstd_compressor(int level);

/// Cuts what it is given into blocks of a fixed size and writes what each of them is
/// compressed to: frames in a row are one valid `.zst`, as members are one `.gz`. The blocks
/// need nothing of each other, so every processor can work on one, and the output
/// does not depend on how many there are. (libzstd has threads too, but not in
/// the static library of the distribution.)
///
/// One thread writes into it. A failed write of the output is thrown by the
/// next call.
class BlockWriter {
 public:
  static constexpr std::size_t kBlockSize = std::size_t{4} << 20;
  static constexpr unsigned kMaxThreads = 4;

  /// `out` is borrowed. threads 0: one for each processor; at most kMaxThreads.
  BlockWriter(int out, MakeCompressor make_compressor, unsigned threads,
              std::size_t block_size = kBlockSize);
  /// Stops the threads; what was not finished is lost.
  ~BlockWriter();
  BlockWriter(const BlockWriter&) = delete;
  BlockWriter& operator=(const BlockWriter&) = delete;

  void write(std::string_view bytes);
  void write_zeros(std::size_t count);

  /// Free space in the current block, never empty: read straight into it, then
  /// say with advance() how much of it is used.
  std::span<char> space();
  void advance(std::size_t used);

  /// Ends the current block, if it has begun: what comes is compressed without it. So does
  /// finish().
  void end_block();

  /// Bytes that are compressed already: ends the current block, and writes them as they are.
  void write_compressed(std::string_view bytes);

  /// Ends the current block, and waits until all is written. More may come. Throws Error.
  void finish();

  /// Bytes written to `out`; settled after finish().
  std::uint64_t written() const noexcept { return written_; }

  /// How many blocks there were so far, with those of write_compressed().
  std::uint64_t blocks() const noexcept { return filling_ + (used_ > 0 ? 1 : 0); }
  /// What they became, in bytes; settled after finish().
  const std::vector<std::uint32_t>& block_bytes() const noexcept { return block_bytes_; }

 private:
  enum class State : std::uint8_t { free, full, busy, done };
  enum class Given : std::uint8_t { plain, compressed };
  struct Block {
    std::vector<char> in;
    std::vector<char> out;
    std::size_t used = 0;        ///< bytes of in
    std::size_t compressed = 0;  ///< bytes of out
    State state = State::free;
    Given given = Given::plain;
  };
  Block& block(std::uint64_t number) { return blocks_[number % blocks_.size()]; }
  void submit(Given given = Given::plain);
  void work();
  void compress_one(BlockCompressor& compressor, std::unique_lock<std::mutex>& lock);
  void write_done(std::unique_lock<std::mutex>& lock);
  void rethrow_failure() const;

  int out_;
  MakeCompressor make_compressor_;
  std::size_t block_size_;
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
  std::vector<std::uint32_t> block_bytes_;
  std::vector<std::thread> threads_;
};

}  // namespace cooper::source
