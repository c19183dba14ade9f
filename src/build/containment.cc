#include "build/containment.h"

#include "base/error.h"
#include "process/descendants.h"

#include <utility>

namespace cooper::build {

std::string mark_of(const BuildId& id) { return "DOKKU_BUILD_ID=" + id.str(); }

Containment::Containment(const BuildId& id, const Settings& settings,
                         std::function<void(const std::string&)> say)
    : say_(std::move(say)),
      limits_(settings.limits),
      group_(process::Cgroup::create(id.str(), limits_)) {
  if (unkept().any()) {
    say_("warning: " + process::not_enforced(unkept()) +
         ": no control group with such a limit can be made here (needs root, or a delegated "
         "group)");
  }
}

const process::Cgroup* Containment::lend(const AppName& app) {
  if (!limits_.any()) return nullptr;
  if (!lent_) lent_ = process::Cgroup::claim("daemon." + app.str(), limits_);
  return lent_ && !lent_->unkept().any() ? &*lent_ : nullptr;
}

std::vector<std::filesystem::path> Containment::join_folders() const {
  return group_ ? group_->join_folders() : std::vector<std::filesystem::path>{};
}

void Containment::end_all() noexcept {
  bool all_ended = true;
  const auto attempt = [&](auto&& action) {
    try {
      action();
    } catch (const std::exception&) {  // boundary: the outcome stands, whatever stays
      all_ended = false;
    }
  };
  attempt([&] { all_ended = !group_ || group_->kill_all(); });
  attempt([&] { all_ended = process::end_descendants() && all_ended; });
  if (!all_ended) attempt([&] { say_("warning: some of the build's processes can't be killed"); });
}

void Containment::let_go() noexcept {
  if (group_) group_->let_go();
}

void Containment::remove() noexcept {
  if (group_) group_->remove();
  if (lent_) lent_->remove();
  lent_.reset();
}

}  // namespace cooper::build
