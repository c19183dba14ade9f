// Which build arguments can't travel in buildah's environment.
#include "engine/buildah_variables.h"

#include <gtest/gtest.h>

namespace cooper::engine {
namespace {

TEST(SteersBuildah, OnlyWhatAProgramReads) {
  for (const char* name : {"PATH",
                           "HOME",
                           "TMPDIR",
                           "http_proxy",
                           "HTTPS_PROXY",
                           "no_proxy",
                           "DOCKER_HOST",
                           "DOCKER_CONFIG",
                           "REGISTRY_AUTH_FILE",
                           "STORAGE_DRIVER",
                           "STORAGE_OPTS",
                           "GODEBUG",
                           "GOGC",
                           "GOMAXPROCS",
                           "GOMEMLIMIT",
                           "GOTRACEBACK",
                           "GOCOVERDIR",
                           "BUILDAH_ISOLATION",
                           "CONTAINERS_STORAGE_CONF",
                           "_CONTAINERS_USERNS_CONFIGURED",
                           "LD_PRELOAD",
                           "XDG_DATA_HOME",
                           "GIT_SSH_COMMAND",
                           "GIT_CONFIG_COUNT",
                           "GNUPGHOME",
                           "OPENSSL_CONF",
                           "SSL_CERT_FILE",
                           "SSL_CERT_DIR",
                           "RES_OPTIONS",
                           "LOCALDOMAIN",
                           "HOSTALIASES",
                           "NOTIFY_SOCKET"}) {
    EXPECT_TRUE(steers_buildah(name)) << name;
  }
}

TEST(SteersBuildah, NotTheNamesOfSecrets) {
  for (const char* name :
       {"DOCKER_PASSWORD", "DOCKER_TOKEN", "REGISTRY_TOKEN", "REGISTRY_PASSWORD", "GOOGLE_API_KEY",
        "GOPRIVATE_TOKEN", "CONTAINER_REGISTRY_PASSWORD", "TMP_SECRET", "STORAGE_ACCESS_KEY",
        "GIT_TOKEN", "GIT_PASSWORD", "SUDO_PASSWORD", "SSL_CERT_PASSWORD", "NPM_TOKEN", "", "A"}) {
    EXPECT_FALSE(steers_buildah(name)) << name;
  }
}

}  // namespace
}  // namespace cooper::engine
