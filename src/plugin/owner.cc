#include "plugin/owner.h"

#include "base/owner.h"

#include <cerrno>
#include <unistd.h>

namespace cooper::plugin {

Result<Owner> dokku_user(const Face& face) {
  if (::geteuid() != 0 || !face.store.layout().is_dokkus()) return Owner{};
  const std::string user_name = face.variable("DOKKU_SYSTEM_USER");
  const std::string group_name = face.variable("DOKKU_SYSTEM_GROUP");
  const auto group = find_group(group_name.empty() ? "dokku" : group_name);
  if (!group && !group_name.empty()) {
    return Error(Errc::invalid, "group: unknown group " + group_name);
  }
  const auto user = find_user(user_name.empty() ? "dokku" : user_name);
  if (!user && !user_name.empty()) return Error(Errc::invalid, "user: unknown user " + user_name);
  if (!user || !group) return Owner{};
  return Owner{.user = *user, .group = *group, .applies = true};
}

void give_to(const Owner& owner, const std::vector<std::filesystem::path>& files) {
  if (!owner.applies) return;
  for (const std::filesystem::path& file : files) {
    if (::lchown(file.c_str(), owner.user, owner.group) != 0 && errno != ENOENT) {
      throw_errno("give " + file.string() + " to Dokku's user");
    }
  }
}

}  // namespace cooper::plugin
