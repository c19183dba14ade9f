#include "engine/buildah_variables.h"

#include <algorithm>
#include <array>
#include <string>

namespace cooper::engine {

namespace {

/// Nobody but these programs has names that begin so.
constexpr std::array<std::string_view, 11> kPrefixes = {
    "BUILDAH_",        "_BUILDAH_", "CONTAINERS_", "_CONTAINERS_", "_LIBCONTAINER_", "NETAVARK_",
    "FUSE_OVERLAYFS_", "LD_",       "XDG_",        "GIT_CONFIG_",  "GIT_TRACE"};

constexpr auto kNames = std::to_array<std::string_view>({
    // containers/image, containers/storage, containers/common
    "CONTAINER_CONNECTION",
    "CONTAINER_HOST",
    "CONTAINER_SSHKEY",
    "DBUS_SESSION_BUS_ADDRESS",
    "DOCKER_API_VERSION",
    "DOCKER_CERT_PATH",
    "DOCKER_CONFIG",
    "DOCKER_HOST",
    "DOCKER_TLS_VERIFY",
    "GNUPGHOME",
    "REGISTRIES_CONFIG_PATH",
    "REGISTRY_AUTH_FILE",
    "SOURCE_DATE_EPOCH",
    "STORAGE_DRIVER",
    "STORAGE_OPTS",
    "SUDO_COMMAND",
    "SUDO_GID",
    "SUDO_UID",
    "SUDO_USER",
    // Go
    "GOCOVERDIR",
    "GODEBUG",
    "GOGC",
    "GOMAXPROCS",
    "GOMEMLIMIT",
    "GORACE",
    "GOROOT",
    "GOTRACEBACK",
    "HOSTALIASES",
    "LOCALDOMAIN",
    "RES_OPTIONS",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "ZONEINFO",
    // proxies, of buildah's pulls and, if given, of each RUN
    "ALL_PROXY",
    "FTP_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "REQUEST_METHOD",
    // any program
    "BASH_ENV",
    "ENV",
    "GCONV_PATH",
    "GLIBC_TUNABLES",
    "HOME",
    "LISTEN_FDNAMES",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LOCPATH",
    "LOGNAME",
    "NOTIFY_SOCKET",
    "PATH",
    "TEMP",
    "TEMPDIR",
    "TERM",
    "TMP",
    "TMPDIR",
    "USER",
    // git, curl in it, and OpenSSL, for ADD of a repository
    "CURL_CA_BUNDLE",
    "CURL_HOME",
    "GIT_ALLOW_PROTOCOL",
    "GIT_ASKPASS",
    "GIT_CEILING_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_DIR",
    "GIT_EXEC_PATH",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PROTOCOL",
    "GIT_PROXY_COMMAND",
    "GIT_SHALLOW_FILE",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_SSH_VARIANT",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "GIT_SSL_CERT",
    "GIT_SSL_KEY",
    "GIT_SSL_NO_VERIFY",
    "GIT_SSL_VERSION",
    "GIT_TEMPLATE_DIR",
    "GIT_TERMINAL_PROMPT",
    "GIT_WORK_TREE",
    "OPENSSL_CONF",
    "OPENSSL_MODULES",
    "SSH_ASKPASS",
    "SSH_ASKPASS_REQUIRE",
    "SSH_AUTH_SOCK",
    "SSLKEYLOGFILE",
});

}  // namespace

bool steers_buildah(std::string_view name) {
  std::string upper(name);
  std::ranges::transform(upper, upper.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  });
  return std::ranges::find(kNames, upper) != kNames.end() ||
         std::ranges::any_of(kPrefixes, [&](std::string_view p) { return upper.starts_with(p); });
}

}  // namespace cooper::engine
