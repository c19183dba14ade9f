#pragma once
// What a client wants of a build, as its form says it.

#include "build/request.h"
#include "server/request.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cooper::server {

/// `description`, `git-sha`, `manifest`, `no-cache`, `development` and `build-args`.
/// Error{invalid}.
build::BuildRequest build_request_of(const Request& request);

/// NAME=VALUE several times, or several of them in one text with commas between: a comma begins a
/// new one if what follows is NAME=. Error{invalid} for what is none.
[[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> parse_build_args(
    const std::vector<std::string_view>& texts);

/// `object://APP/KEY` as app and key. Error{invalid}.
[[nodiscard]] Result<std::pair<std::string, std::string>> parse_object_url(std::string_view url);

}  // namespace cooper::server
