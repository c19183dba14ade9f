#pragma once
// Who we are to registries: the credentials that `docker login`, `podman login` or
// `buildah login` left.

#include <optional>
#include <string>
#include <string_view>

namespace cooper::engine {

struct Login {
  std::string user;
  std::string password;  ///< or, with an empty user, an identity token
  bool operator==(const Login&) const = default;
};

/// The registry that an image reference names: "docker.io" for "node:18".
std::string registry_of(std::string_view reference);

/// The login for `host` in the text of a docker/containers auth file. Credential
/// helpers are not run. nullopt if there is none, or the text is no such file.
std::optional<Login> login_in(std::string_view auth_file, std::string_view host);

/// Looks in $REGISTRY_AUTH_FILE, $XDG_RUNTIME_DIR/containers/auth.json,
/// ~/.config/containers/auth.json and $DOCKER_CONFIG or ~/.docker (config.json), in
/// this order. A file that can't be read counts as absent.
std::optional<Login> find_login(std::string_view host);

/// The value of the Docker Engine's X-Registry-Auth header.
std::string docker_auth_header(const Login& login);

}  // namespace cooper::engine
