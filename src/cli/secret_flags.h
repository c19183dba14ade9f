#pragma once
// The flags --secret and --ssh: what a build may use and nobody may see.

#include "base/error.h"
#include "engine/build_secrets.h"

#include <string>
#include <vector>

namespace cooper::cli {

/// `secrets`: `id=ID,src=FILE` or `id=ID,env=NAME`; the values are read here and now.
/// `agents`: `default` or another id, alone (the agent of SSH_AUTH_SOCK) or with
/// `=SOCKET`. Error{invalid} for what is wrongly written, given twice, or not there;
/// no message repeats a value.
[[nodiscard]] Result<engine::BuildSecrets> read_build_secrets(
    const std::vector<std::string>& secrets, const std::vector<std::string>& agents);

}  // namespace cooper::cli
