#pragma once
// What a push to an app's repository asks for.

#include "base/error.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::cli {

/// One line of what git gives its hooks; ids are zeros for what is not there.
struct RefUpdate {
  std::string before;
  std::string after;
  std::string ref;  ///< "refs/heads/main"

  bool creates() const { return before.find_first_not_of('0') == std::string::npos; }
  bool deletes() const { return after.find_first_not_of('0') == std::string::npos; }
  bool operator==(const RefUpdate&) const = default;
};

/// The lines of a hook's standard input.
[[nodiscard]] Result<std::vector<RefUpdate>> parse_updates(std::string_view text);

/// The ref whose pushes are built: what the property `deploy-branch` says; where it says nothing
/// main or master, whichever is there, else whichever is pushed. nullopt: there is none of them.
std::optional<std::string> deploy_ref(const std::string& property,
                                      const std::vector<RefUpdate>& updates,
                                      const std::function<bool(const std::string& ref)>& exists);

/// The update of that ref; nullptr if the push has none.
const RefUpdate* update_of(const std::vector<RefUpdate>& updates,
                           const std::optional<std::string>& ref);

/// A ref as people call it: "main", "tag v1".
std::string short_name(std::string_view ref);

}  // namespace cooper::cli
