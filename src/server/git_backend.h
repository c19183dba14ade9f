#pragma once
// git's own `git http-backend`, a CGI program, as the one who answers a request.

#include "base/error.h"
#include "server/fields.h"
#include "server/request.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace cooper::server {

/// What a CGI program says before the body of its answer.
struct CgiHead {
  unsigned status = 200;
  std::string type;
  Fields headers;  ///< further ones
};

/// Lines up to the empty one, which is not in `text`. Error{corrupt} for what is no header.
[[nodiscard]] Result<CgiHead> parse_cgi_head(std::string_view text);

/// What git may be called in its own reflog, and in our records: letters, digits, `.`, `_` and `-`
/// of the name, "anonymous" if there are none.
std::string committer_name(std::string_view principal);

enum class GitService : std::uint8_t { upload_pack, receive_pack };
/// "git-upload-pack", as it is called in URLs; nullopt for all else.
std::optional<GitService> parse_git_service(std::string_view text);
std::string_view to_string(GitService service) noexcept;

/// Which of its two requests.
enum class GitStep : std::uint8_t { refs, pack };

/// Has git answer. Headers are there when it returns, the body comes as git makes it: with the
/// output of the hooks, so of the build. A peer who goes away ends it, as a hang-up does over ssh;
/// so does `ending`, the server's own end.
/// Not more than a bounded number at once: Error{unavailable}. Throws Error.
Answer answer_by_git(const std::filesystem::path& repository, GitService service, GitStep step,
                     const Request& request, std::stop_token ending);

}  // namespace cooper::server
