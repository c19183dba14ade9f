#pragma once
// Where source may come from.

#include "base/error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cooper::source {

/// A URL of source, or what git takes for one (`git@host:team/app.git`, `/srv/app.git`). All
/// parts hold only what every program that reads them reads alike.
struct SourceUrl {
  std::string scheme;  ///< https, http, ssh, git or file
  std::string user;    ///< this and the password as they were written, %40 and all
  std::string password;
  std::string host;        ///< a name or an address, without brackets; empty for `file`
  std::uint16_t port = 0;  ///< never 0 but for `file`
  std::string path;        ///< from the `/` on; of `git@host:path` what follows the colon
  std::string query;       ///< with its `?`

  bool operator==(const SourceUrl&) const = default;
};

/// Error{invalid} for another scheme, credentials that can be read as options or as a host, an
/// empty host, a number that only some read as an address (0x7f000001), control characters; what it
/// says repeats no credentials.
[[nodiscard]] Result<SourceUrl> parse_source_url(std::string_view text);

/// The whole URL again.
std::string text_of(const SourceUrl& url);
/// The same without password (and, but for ssh, user), as a program may be called with it.
std::string without_credentials(const SourceUrl& url);
/// As everybody may see it: without user, password and query (some are tokens).
std::string shown(const SourceUrl& url);

/// A text that may be a URL, without user and password, but for the user of ssh: what anybody may
/// see of what somebody has written.
std::string hide_credentials(std::string_view text);

/// Gives user and password of `from` to `url` if it has neither and is on the same server: of
/// the same scheme (https or http), host and port.
void lend_credentials(const SourceUrl& from, SourceUrl& url);

/// "host:port", an IPv6 address in brackets; without the port if it is the scheme's own.
std::string authority(const SourceUrl& url);

/// %XX resolved. nullopt where that gives a control character or is cut.
std::optional<std::string> percent_decoded(std::string_view text);

}  // namespace cooper::source
