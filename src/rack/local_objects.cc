// LocalRack: files that clients store for an app. A key's slashes are `~` in the file's name.

#include "base/ascii.h"
#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "rack/local_rack.h"
#include "rack/naming.h"
#include "store/folders.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cooper::rack {

namespace {

std::string file_name(const ObjectKey& key) {
  std::string name = key.str();
  std::ranges::replace(name, '/', '~');
  return name;
}

bool is_key_part(std::string_view part) {
  return !part.empty() && part.front() != '.' && is_made_of_letters(part, "-_.");
}

Error no_object(const AppName& app, const ObjectKey& key) {
  return {Errc::not_found, "app " + app.str() + " has no object " + key.str(),
          "store it again: what no build took is removed after a day"};
}

void copy_whole(const Fd& from, const Fd& to) {
  std::array<char, 65536> block;
  for (off_t at = 0;;) {
    const ssize_t n = ::pread(from.get(), block.data(), block.size(), at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno("read an object");
    if (n == 0) return;
    write_all(to.get(), {block.data(), static_cast<std::size_t>(n)});
    at += n;
  }
}

/// The open file under a name of the folder: itself, if it has no name, else a copy.
void give_name(const Fd& folder, const std::string& name, const Fd& file) {
  const std::string self = "/proc/self/fd/" + std::to_string(file.get());
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) throw_errno("stat an object");
  if (info.st_nlink == 0 &&
      ::linkat(AT_FDCWD, self.c_str(), folder.get(), name.c_str(), AT_SYMLINK_FOLLOW) == 0) {
    if (::fsync(file.get()) != 0) throw_errno("fsync an object");
    return;
  }
  const Fd copy = open_beneath(folder, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
  copy_whole(file, copy);
  if (::fsync(copy.get()) != 0) throw_errno("fsync an object");
}

}  // namespace

bool ObjectKeyRule::check(std::string_view text) noexcept {
  if (text.size() > 200) return false;
  const auto slashes = std::ranges::count(text, '/');
  if (slashes > 3) return false;
  while (slashes > 0 && text.find('/') != std::string_view::npos) {
    if (!is_key_part(text.substr(0, text.find('/')))) return false;
    text.remove_prefix(text.find('/') + 1);
  }
  return is_key_part(text);
}

Error ObjectKeyRule::refuse(std::string_view text) {
  return {Errc::invalid, "\"" + shorten(printable(text), 100) + "\" can't be an object's key",
          "a key is up to four words of letters, digits, '-', '_' and '.', with slashes between"};
}

void LocalRack::store_object(const AppName& app, const ObjectKey& key, const Fd& file) {
  require_app(app);
  const Fd folder = store::make_folder(layout_, layout_.objects(app), 0700);
  const std::string temporary = std::string(kTemporaryPrefix) + random_base36(16);
  try {
    give_name(folder, temporary, file);
    if (::renameat(folder.get(), temporary.c_str(), folder.get(), file_name(key).c_str()) != 0) {
      throw_errno("rename an object");
    }
  } catch (const Error&) {  // adapter: nothing of it may stay
    ::unlinkat(folder.get(), temporary.c_str(), 0);
    throw;
  }
  if (::fsync(folder.get()) != 0) throw_errno("fsync " + layout_.objects(app).string());
}

Fd LocalRack::open_object(const AppName& app, const ObjectKey& key) {
  require_app(app);
  Fd file = find_regular_file(layout_.objects(app) / file_name(key), O_RDONLY);
  if (!file) throw no_object(app, key);
  return file;
}

std::vector<ObjectKey> LocalRack::list_objects(const AppName& app) {
  require_app(app);
  std::vector<ObjectKey> keys;
  for (std::string name : list_folder(layout_.objects(app))) {
    std::ranges::replace(name, '~', '/');
    if (auto key = ObjectKey::parse(name)) keys.push_back(std::move(*key));
  }
  std::ranges::sort(keys);
  return keys;
}

void LocalRack::remove_object(const AppName& app, const ObjectKey& key) {
  require_app(app);
  if (!remove_file(layout_.objects(app) / file_name(key))) throw no_object(app, key);
}

}  // namespace cooper::rack
