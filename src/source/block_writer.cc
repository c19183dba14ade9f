#include "source/block_writer.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/processors.h"

#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

namespace cooper::source {

namespace {

class ZstdCompressor : public BlockCompressor {
 public:
  explicit ZstdCompressor(int level) : context_(ZSTD_createCCtx(), ZSTD_freeCCtx) {
    if (!context_) throw Error(Errc::unavailable, "no memory for a zstd compressor");
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
  }
  std::size_t bound(std::size_t bytes) const override { return ZSTD_compressBound(bytes); }
  std::size_t compress(std::string_view in, std::span<char> out) override {
    const std::size_t n =
        ZSTD_compress2(context_.get(), out.data(), out.size(), in.data(), in.size());
    if (ZSTD_isError(n)) {
      throw Error(Errc::internal, std::string("compressing: ") + ZSTD_getErrorName(n));
    }
    return n;
  }

 private:
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context_;
};

}  // namespace

MakeCompressor zstd_compressor(int level) {
  return [level] { return std::make_unique<ZstdCompressor>(level); };
}

BlockWriter::BlockWriter(int out, MakeCompressor make_compressor, unsigned threads,
                         std::size_t block_size)
    : out_(out), make_compressor_(std::move(make_compressor)), block_size_(block_size) {
  if (threads == 0) threads = own_processors();
  threads = std::clamp(threads, 1U, kMaxThreads);
  // One block a thread, one being filled, one waiting.
  blocks_.resize(threads + 2);
  try {
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  } catch (const std::system_error& failure) {  // adapter: fewer threads will do, none will not
    if (threads_.empty()) {
      throw Error(Errc::unavailable, std::string("start a thread: ") + failure.what());
    }
  }
}

BlockWriter::~BlockWriter() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    next_ = filling_;  // what waits is dropped
  }
  work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

std::span<char> BlockWriter::space() {
  Block& current = block(filling_);
  if (used_ == 0) {
    std::unique_lock lock(mutex_);
    space_.wait(lock, [&] { return current.state == State::free || failure_; });
    rethrow_failure();
    current.in.resize(block_size_);
  }
  return std::span(current.in).subspan(used_);
}

void BlockWriter::advance(std::size_t used) {
  used_ += used;
  if (used_ == block_size_) submit();
}

void BlockWriter::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::span<char> room = space();
    const std::size_t n = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), n);
    bytes.remove_prefix(n);
    advance(n);
  }
}

void BlockWriter::write_zeros(std::size_t count) {
  while (count > 0) {
    const std::span<char> room = space();
    const std::size_t n = std::min(room.size(), count);
    std::memset(room.data(), 0, n);
    count -= n;
    advance(n);
  }
}

void BlockWriter::end_block() {
  if (used_ > 0) submit();
}

void BlockWriter::write_compressed(std::string_view bytes) {
  end_block();
  while (!bytes.empty()) {
    const std::span<char> room = space();
    used_ = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), used_);
    bytes.remove_prefix(used_);
    submit(Given::compressed);
  }
}

void BlockWriter::submit(Given given) {
  {
    const std::lock_guard lock(mutex_);
    Block& current = block(filling_);
    current.used = std::exchange(used_, 0);
    current.given = given;
    current.state = State::full;
    ++filling_;
  }
  work_.notify_one();
}

void BlockWriter::finish() {
  end_block();
  std::unique_lock lock(mutex_);
  space_.wait(lock, [&] { return to_write_ == filling_ || failure_; });
  rethrow_failure();
}

void BlockWriter::rethrow_failure() const {
  if (failure_) std::rethrow_exception(failure_);
}

void BlockWriter::work() {
  std::unique_lock lock(mutex_);
  try {
    const std::unique_ptr<BlockCompressor> compressor = make_compressor_();
    for (;;) {
      work_.wait(lock, [&] { return ending_ || next_ < filling_; });
      if (next_ >= filling_ || failure_) return;
      compress_one(*compressor, lock);
      write_done(lock);
    }
  } catch (...) {  // boundary: a thread's top; the writing thread throws it on
    if (!lock.owns_lock()) lock.lock();
    if (!failure_) failure_ = std::current_exception();
    space_.notify_all();
  }
}

void BlockWriter::compress_one(BlockCompressor& compressor, std::unique_lock<std::mutex>& lock) {
  Block& mine = block(next_++);
  mine.state = State::busy;
  lock.unlock();
  if (mine.given == Given::compressed) {
    mine.in.swap(mine.out);
    mine.compressed = mine.used;
  } else {
    mine.out.resize(compressor.bound(block_size_));
    mine.compressed = compressor.compress({mine.in.data(), mine.used}, mine.out);
  }
  lock.lock();
  mine.state = State::done;
}

void BlockWriter::write_done(std::unique_lock<std::mutex>& lock) {
  if (writing_) return;  // that thread will see our block, too
  writing_ = true;
  while (to_write_ < next_ && block(to_write_).state == State::done) {
    Block& first = block(to_write_);
    lock.unlock();
    write_all(out_, {first.out.data(), first.compressed});
    lock.lock();
    written_ += first.compressed;
    block_bytes_.push_back(static_cast<std::uint32_t>(first.compressed));
    first.state = State::free;
    ++to_write_;
    space_.notify_one();
  }
  writing_ = false;
}

}  // namespace cooper::source
