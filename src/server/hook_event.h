#pragma once
// Webhooks of GitHub, GitLab, Gitea and Forgejo: whose they are, and what they say.

#include "base/error.h"
#include "base/time.h"
#include "server/fields.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::server {

/// What the headers of a delivery say, whose signature is good.
struct HookHead {
  std::string sender;    ///< "github", "gitlab", "gitea" or "forgejo"
  std::string event;     ///< as its sender calls it: "push", "Push Hook", "ping"
  std::string delivery;  ///< its sender's name for it; where that has none, the body's digest
};

/// Is it signed with the secret? By X-Hub-Signature-256, X-Gitea-Signature or X-Forgejo-Signature
/// (HMAC-SHA256 of the body), by webhook-signature (Standard Webhooks, as GitLab's signing tokens
/// have it: of id, time and body, at most five minutes off), or by X-Gitlab-Token, which is the
/// secret itself. Compares in constant time. nullopt: by none of them.
std::optional<HookHead> check_hook(const Fields& headers, std::string_view body,
                                   std::string_view secret, Time now);

/// The key of a secret of Standard Webhooks: what comes after `whsec_`, in Base64; else its bytes.
std::string webhook_key(std::string_view secret);
/// "v1,..." for webhook-signature.
std::string webhook_signature(std::string_view secret, std::string_view id, std::string_view time,
                              std::string_view body);

enum class HookKind { push, ping, other };
/// What the event is to us.
HookKind kind_of(const HookHead& head);

/// What a push event says.
struct PushEvent {
  std::string ref;                      ///< "refs/heads/main"
  std::string after;                    ///< the commit that it is at now; zeros: it is deleted
  std::vector<std::string> repository;  ///< names of the repository: URLs

  bool deletes() const { return after.find_first_not_of('0') == std::string::npos; }
};

/// Of a JSON text that anybody may have written. Error{invalid}, which repeats nothing of it.
[[nodiscard]] Result<PushEvent> parse_push_event(std::string_view text);

/// Do both URLs name the same repository of one server? Told by the path alone, as a server has
/// several names.
bool is_same_repository(std::string_view a, std::string_view b);

}  // namespace cooper::server
