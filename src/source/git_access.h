#pragma once
// How git may be let fetch from a URL that somebody named.

#include "source/fetch.h"
#include "source/git_command.h"

#include <stop_token>
#include <string>
#include <vector>

namespace cooper::source {

/// What git is called with for one URL, so that it connects where we have looked, and
/// nowhere else.
struct GitAccess {
  std::string url;                       ///< without credentials
  std::vector<std::string> settings;     ///< "http.proxy=": for this call alone
  std::vector<std::string> environment;  ///< "NAME=value", in place of ours; may hold a password
  std::string key_scan;                  ///< of ssh: "ssh-keyscan -p 2222 git.example"

  /// Gives it to a command.
  void apply(GitCommand& command) const;
};

/// Looks the host up once, checks its addresses, and pins git to them; redirects are not
/// followed, no proxy is used (with Reach::anywhere all three are git's own business); no other
/// transport is allowed; a password travels in the environment. Error{denied} for a scheme or
/// an address that `policy` does not allow; Error{unavailable} for a host that is not known.
GitAccess git_access(const SourceUrl& url, const FetchPolicy& policy, std::stop_token stop);

}  // namespace cooper::source
