#include "source/zstd_writer.h"

#include "base/error.h"
#include "base/fd.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

namespace cooper::source {

ZstdWriter::ZstdWriter(int out, int level, unsigned threads) : out_(out) {
  if (threads == 0) threads = std::thread::hardware_concurrency();
  threads = std::clamp(threads, 1U, kMaxThreads);
  // One block a thread, one being filled, one waiting.
  blocks_.resize(threads + 2);
  try {
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this, level] { work(level); });
  } catch (const std::system_error& failure) {  // adapter: fewer threads will do, none will not
    if (threads_.empty()) {
      throw Error(Errc::unavailable, std::string("start a thread: ") + failure.what());
    }
  }
}

ZstdWriter::~ZstdWriter() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    next_ = filling_;  // what waits is dropped
  }
  work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

std::span<char> ZstdWriter::space() {
  Block& current = block(filling_);
  if (used_ == 0) {
    std::unique_lock lock(mutex_);
    space_.wait(lock, [&] { return current.state == State::free || failure_; });
    rethrow_failure();
    current.in.resize(kBlockSize);
  }
  return std::span(current.in).subspan(used_);
}

void ZstdWriter::advance(std::size_t used) {
  used_ += used;
  if (used_ == kBlockSize) submit();
}

void ZstdWriter::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::span<char> room = space();
    const std::size_t n = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), n);
    bytes.remove_prefix(n);
    advance(n);
  }
}

void ZstdWriter::write_zeros(std::size_t count) {
  while (count > 0) {
    const std::span<char> room = space();
    const std::size_t n = std::min(room.size(), count);
    std::memset(room.data(), 0, n);
    count -= n;
    advance(n);
  }
}

void ZstdWriter::submit() {
  {
    const std::lock_guard lock(mutex_);
    Block& current = block(filling_);
    current.used = std::exchange(used_, 0);
    current.state = State::full;
    ++filling_;
  }
  work_.notify_one();
}

void ZstdWriter::finish() {
  if (used_ > 0) submit();
  std::unique_lock lock(mutex_);
  space_.wait(lock, [&] { return to_write_ == filling_ || failure_; });
  rethrow_failure();
}

void ZstdWriter::rethrow_failure() const {
  if (failure_) std::rethrow_exception(failure_);
}

void ZstdWriter::work(int level) {
  const Context context(ZSTD_createCCtx(), ZSTD_freeCCtx);
  std::unique_lock lock(mutex_);
  try {
    if (!context) throw Error(Errc::unavailable, "no memory for a zstd compressor");
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
    for (;;) {
      work_.wait(lock, [&] { return ending_ || next_ < filling_; });
      if (next_ >= filling_ || failure_) return;
      compress_one(context.get(), lock);
      write_done(lock);
    }
  } catch (...) {  // boundary: a thread's top; the writing thread throws it on
    if (!lock.owns_lock()) lock.lock();
    if (!failure_) failure_ = std::current_exception();
    space_.notify_all();
  }
}

void ZstdWriter::compress_one(ZSTD_CCtx* context, std::unique_lock<std::mutex>& lock) {
  Block& mine = block(next_++);
  mine.state = State::busy;
  lock.unlock();
  mine.out.resize(ZSTD_compressBound(kBlockSize));
  const std::size_t n =
      ZSTD_compress2(context, mine.out.data(), mine.out.size(), mine.in.data(), mine.used);
  if (ZSTD_isError(n)) {
    throw Error(Errc::internal, std::string("compressing: ") + ZSTD_getErrorName(n));
  }
  mine.compressed = n;
  lock.lock();
  mine.state = State::done;
}

void ZstdWriter::write_done(std::unique_lock<std::mutex>& lock) {
  if (writing_) return;  // that thread will see our block, too
  writing_ = true;
  while (to_write_ < next_ && block(to_write_).state == State::done) {
    Block& first = block(to_write_);
    lock.unlock();
    write_all(out_, {first.out.data(), first.compressed});
    lock.lock();
    written_ += first.compressed;
    first.state = State::free;
    ++to_write_;
    space_.notify_one();
  }
  writing_ = false;
}

}  // namespace cooper::source
