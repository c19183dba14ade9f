#pragma once
// What a key's owner may ask of git over ssh.

#include "base/error.h"
#include "model/names.h"

#include <string>
#include <string_view>

namespace cooper::cli {

struct GitRequest {
  enum class Service { receive_pack, upload_pack, upload_archive } service;
  AppName app;
};

/// Of SSH_ORIGINAL_COMMAND: one of git's three services, and one repository, `APP` or `APP.git`,
/// with or without `/` or `~/` before it, quoted as git quotes it or not at all. Error{denied} for
/// everything else; Error{invalid} for what is no app's name.
[[nodiscard]] Result<GitRequest> parse_git_request(std::string_view command);

/// "receive-pack"
std::string_view name_of(GitRequest::Service service) noexcept;

}  // namespace cooper::cli
