#include "base/owner.h"

#include <array>
#include <cstdlib>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cooper {

std::optional<Owner> owner_of(const Fd& file) noexcept {
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return std::nullopt;
  return Owner{.user = info.st_uid, .group = info.st_gid};
}

void give_to(const Owner& owner, const Fd& made) noexcept {
  if (::geteuid() != 0) return;
  [[maybe_unused]] const int ignored = ::fchown(made.get(), owner.user, owner.group);
}

void give_to_owner_of(const Fd& folder, const Fd& made) noexcept {
  if (::geteuid() != 0) return;
  const std::optional<Owner> owner = owner_of(folder);
  if (owner && owner->user != 0) give_to(*owner, made);
}

std::string name_of_caller() {
  const uid_t user = ::geteuid();
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets variables
  const char* behind = std::getenv("SUDO_USER");
  if (user == 0 && behind && *behind != '\0') return behind;
  std::array<char, 16384> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  ::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found);
  return found ? std::string(entry.pw_name) : "uid " + std::to_string(user);
}

std::optional<uid_t> find_user(const std::string& name) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 16384> buffer{};
  ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  return found ? std::optional(found->pw_uid) : std::nullopt;
}

std::optional<gid_t> find_group(const std::string& name) {
  group entry{};
  group* found = nullptr;
  std::array<char, 16384> buffer{};
  ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  return found ? std::optional(found->gr_gid) : std::nullopt;
}

}  // namespace cooper
