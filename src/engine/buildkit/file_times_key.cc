#include "engine/buildkit/file_times_key.h"

#include "base/error.h"
#include "base/file.h"

#include <algorithm>
#include <sys/random.h>

namespace cooper::engine::buildkit {

source::ContentTime::Key file_times_key(const std::filesystem::path& cache) {
  const std::filesystem::path file = cache / "file-times.key";
  source::ContentTime::Key key{};
  for (int attempt = 0; attempt < 2; ++attempt) {
    const std::string known = read_file(file).value_or("");
    if (known.size() == key.size()) {
      std::ranges::copy(known, key.begin());
      return key;
    }
    if (::getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size())) {
      throw_errno("getrandom");
    }
    make_folders(cache);
    try {
      write_file_durably(file, {reinterpret_cast<const char*>(key.data()), key.size()}, 0600,
                         known.empty() ? IfExists::fail : IfExists::replace);
      return key;
    } catch (const Error& error) {  // adapter: another build was quicker: its key counts
      if (error.code() != Errc::conflict) throw;
    }
  }
  return key;
}

}  // namespace cooper::engine::buildkit
