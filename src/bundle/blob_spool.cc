#include "bundle/blob_spool.h"

#include "base/error.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace cooper::bundle {

BlobSpool::BlobSpool(const std::filesystem::path& folder, source::MakeCompressor make_compressor)
    : file_(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)) {
  if (!file_) throw_errno("make a temporary file in " + folder.string());
  writer_.emplace(file_.get(), std::move(make_compressor), 0);
}

void BlobSpool::begin(std::uint64_t /*size*/) {}

void BlobSpool::write(std::string_view bytes) { writer_->write(bytes); }

void BlobSpool::keep(const std::string& digest) {
  writer_->finish();
  const std::uint64_t end = writer_->written() - gone_;
  places_.insert_or_assign(digest, Place{begin_, end - begin_});
  begin_ = end;
}

void BlobSpool::drop() {
  writer_->finish();
  gone_ = writer_->written() - begin_;
  if (::ftruncate(file_.get(), static_cast<off_t>(begin_)) != 0 ||
      ::lseek(file_.get(), static_cast<off_t>(begin_), SEEK_SET) < 0) {
    throw_errno("write the temporary file");
  }
}

std::uint64_t BlobSpool::copy(const std::string& digest, int out) const {
  const Place& place = places_.at(digest);
  std::vector<char> buffer(std::size_t{1} << 20);
  std::uint64_t at = place.begin;
  const std::uint64_t end = place.begin + place.bytes;
  while (at < end) {
    const std::size_t wanted = std::min<std::uint64_t>(buffer.size(), end - at);
    const ssize_t got = ::pread(file_.get(), buffer.data(), wanted, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno("read the temporary file");
    if (got == 0) throw Error(Errc::internal, "the temporary file is too short");
    write_all(out, {buffer.data(), static_cast<std::size_t>(got)});
    at += static_cast<std::uint64_t>(got);
  }
  return place.bytes;
}

}  // namespace cooper::bundle
