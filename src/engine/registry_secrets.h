#pragma once
// What the host knows to log in to registries, so that no log shows it.

#include <filesystem>
#include <string>
#include <vector>

namespace cooper::engine {

/// Passwords and tokens of every file in which the engine looks for
/// credentials, and each `user:password`, whose base64 is what goes over the
/// wire. What a credential helper keeps is in none of these files, and not found.
///
/// `own`: the auth file of `cooper registries` (registry_auth.h).
///
/// A file that can't be read or parsed adds a line to `warnings`, and no secret:
/// the engine can't log in with it either.
///
/// Source of the places: containers-auth.json(5); $DOCKER_CONFIG and ~/.docker of Docker.
std::vector<std::string> registry_secrets(const std::filesystem::path& own,
                                          std::vector<std::string>& warnings);

}  // namespace cooper::engine
