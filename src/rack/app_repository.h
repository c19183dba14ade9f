#pragma once
// The bare repository of an app.

#include "store/layout.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace cooper::rack {

class Rack;

/// The app's repository; made, or brought up to date, with the hooks that have `cooper git-hook`
/// build what is pushed. Throws Error{invalid} under a Dokku root, whose apps have Dokku's; Error.
std::filesystem::path ensure_repository(const store::Layout& layout, const AppName& app);

/// The ref whose pushes are built: what the property `deploy-branch` says; where that says nothing
/// main, else master, whichever is there. nullopt: neither is.
std::optional<std::string> present_deploy_ref(
    const std::string& property, const std::function<bool(const std::string& ref)>& exists);
/// Main and master, in that order.
const std::array<std::string, 2>& usual_deploy_refs();

/// The data root that commands use, absolute.
std::filesystem::path own_root();
/// There, the repository of an app; nullopt: it has none.
std::optional<std::filesystem::path> find_repository(const AppName& app);

enum class GitUse : std::uint8_t { fetch, push };
/// The repository that somebody elsewhere fetches from or pushes to. Fetches need one that is
/// there; a push makes it, and the app, unless the property `auto-create` is off. Error{not_found}.
std::filesystem::path repository_for(Rack& rack, const AppName& app, GitUse use);

/// A variable that tells the hooks of a repository who pushes: a name of letters, digits and `-`.
inline constexpr const char* kPushedBy = "COOPER_PUSHED_BY";

/// How `cooper` is to be called by a script that outlives it: the name by which it was called,
/// which an upgrade keeps, not the file that this leads to; of the server, the one that was
/// installed with it. Absolute. Throws Error.
std::filesystem::path lasting_program();

/// For a command line of sh, ssh or git: one word, whatever is in it.
std::string shell_quoted(std::string_view text);

}  // namespace cooper::rack
