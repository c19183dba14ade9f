#include "cli/named_file.h"

#include "base/text.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>

namespace cooper::cli {

namespace {

Error is_a_folder(const std::string& name) {
  return {Errc::invalid, printable(name) + " is a folder, no file"};
}

Error other_failure(const std::string& name, std::string_view done, int failure) {
  const bool is_denied = failure == EACCES || failure == EPERM;
  return {is_denied ? Errc::denied : Errc::unavailable,
          printable(name) + " can't be " + std::string(done) + ": " +
              std::generic_category().message(failure)};
}

}  // namespace

void require_name(const std::string& name) {
  if (name.empty()) throw Error(Errc::invalid, "the name of the file is empty");
}

Fd open_named_file(const std::filesystem::path& folder, const std::string& name) {
  require_name(name);
  Fd file(::open((folder / name).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) {
    if (errno != ENOENT && errno != ENOTDIR) throw other_failure(name, "read", errno);
    throw Error(Errc::not_found, "there is no file " + printable(name));
  }
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) throw other_failure(name, "read", errno);
  if (S_ISDIR(info.st_mode)) throw is_a_folder(name);
  return file;
}

Error cant_write_named_file(const std::string& name, int failure) {
  if (failure == EISDIR) return is_a_folder(name);
  if (failure == ENOENT || failure == ENOTDIR) {
    return {Errc::not_found,
            "there is no folder " + printable(std::filesystem::path(name).parent_path().string())};
  }
  return other_failure(name, "written", failure);
}

}  // namespace cooper::cli
