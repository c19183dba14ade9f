#pragma once
// Which environment variables change what buildah itself does.

#include <string_view>

namespace cooper::engine {

/// True if buildah, a library in it or a program that it starts (a runtime, git,
/// gpg) would act on a variable of this name, in upper or lower case. The value
/// of a build argument of such a name can't travel in buildah's environment and
/// stands on its command line, so a name is only here if it is known to matter:
/// a prefix would catch a namesake that holds a secret (DOCKER_PASSWORD).
bool steers_buildah(std::string_view name);

}  // namespace cooper::engine
