#include "server/body.h"

#include "base/file.h"
#include "base/random.h"
#include "server/workers.h"

#include <cerrno>
#include <fcntl.h>
#include <functional>
#include <sys/stat.h>
#include <unistd.h>

namespace cooper::server {

namespace {

bool is_on_disk(Body body) { return body == Body::file || body == Body::small_file; }

}  // namespace

Fd unnamed_file(const std::filesystem::path& folder) {
  const int fd = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0) return Fd(fd);
  if (errno != EOPNOTSUPP && errno != EISDIR) throw_errno("make a file in " + folder.string());
  const auto path = folder / (std::string(kTemporaryPrefix) + random_base36(16));
  Fd file = open_file(path, O_RDWR | O_CREAT | O_EXCL, 0600);
  ::unlink(path.c_str());
  return file;
}

std::uint64_t file_size(const Fd& file) {
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) throw_errno("stat");
  return static_cast<std::uint64_t>(info.st_size);
}

std::string read_block(int file, std::uint64_t from, std::size_t most) {
  std::string block(most, '\0');
  ssize_t n;
  do {
    n = ::pread(file, block.data(), most, static_cast<off_t>(from));
  } while (n < 0 && errno == EINTR);
  if (n < 0) throw_errno("read");
  block.resize(static_cast<std::size_t>(n));
  return block;
}

Task<void> BodySink::take(std::string_view block) {
  if (body_ == Body::none) co_return;
  if (!is_on_disk(body_)) {
    request_.body += block;
    co_return;
  }
  const std::function<void()> work = [this, block] {
    if (!request_.file) request_.file = unnamed_file(services_.layout.uploads());
    write_all(request_.file.get(), block);
  };
  co_await services_.quick.run(work);
}

Task<void> BodySink::finish() {
  if (!is_on_disk(body_)) co_return;
  const std::function<void()> work = [this] {
    if (!request_.file) request_.file = unnamed_file(services_.layout.uploads());
    if (::lseek(request_.file.get(), 0, SEEK_SET) < 0) throw_errno("lseek");
  };
  co_await services_.quick.run(work);
}

}  // namespace cooper::server
