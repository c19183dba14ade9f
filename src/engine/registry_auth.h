#pragma once
// Who we are to registries: the credentials of `cooper registries add`, and those
// that `docker login`, `podman login` or `buildah login` left.

#include "base/error.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

/// Looks in `own` (BuildContext::logins), $REGISTRY_AUTH_FILE,
/// $XDG_RUNTIME_DIR/containers/auth.json, ~/.config/containers/auth.json and
/// $DOCKER_CONFIG or ~/.docker (config.json), in this order. A file that can't be read
/// counts as absent.
std::optional<Login> find_login(std::string_view host, const std::filesystem::path& own);

/// One entry of an auth file, without its password.
struct KnownLogin {
  std::string host;  ///< as the file calls it
  std::string user;  ///< empty: a token
  std::filesystem::path file;
  bool operator==(const KnownLogin&) const = default;
};

/// All entries of those files, the first in force first. `warnings` gets a line for a
/// file that can't be read.
std::vector<KnownLogin> known_logins(const std::filesystem::path& own,
                                     std::vector<std::string>& warnings);

/// The text of an auth file that also holds all that the files above do; the first
/// that knows a host counts. For programs that read one file only.
std::string merged_logins(const std::filesystem::path& own);

/// Is it `host[:port]`, as references begin?
bool is_registry_host(std::string_view text) noexcept;

/// The text of an auth file, with a login added or replaced. An empty text is an empty
/// file. Error{corrupt} for what is no auth file.
[[nodiscard]] Result<std::string> with_login(std::string_view auth_file, const std::string& host,
                                             const Login& login);
/// The same without one; nullopt if there is none for `host`.
[[nodiscard]] Result<std::optional<std::string>> without_login(std::string_view auth_file,
                                                               std::string_view host);

/// The value of the Docker Engine's X-Registry-Auth header; without a login that of
/// nobody in particular.
std::string docker_auth_header(const std::optional<Login>& login);

}  // namespace cooper::engine
