#include "server/hook_event.h"

#include "base/ascii.h"
#include "base/base64.h"
#include "base/hmac.h"
#include "base/text.h"
#include "model/json_values.h"
#include "source/git_command.h"
#include "source/url.h"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>

namespace cooper::server {
namespace json = boost::json;

namespace {

constexpr std::chrono::seconds kClocksDiffer{300};
constexpr std::size_t kLongestName = 200;

std::string_view bytes_of(const Sha256Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

/// Headers with HMAC-SHA256 of the body, in hex; GitHub's says so before it.
bool is_signed_in_hex(const Fields& headers, std::string_view body, std::string_view secret) {
  std::optional<std::string> wanted;
  for (const char* name : {"x-hub-signature-256", "x-gitea-signature", "x-forgejo-signature"}) {
    auto given = headers.find(name);
    if (!given) continue;
    if (given->starts_with("sha256=")) given->remove_prefix(7);
    if (!wanted) wanted = hex(hmac_sha256(secret, body));
    if (is_same_secret(*given, *wanted)) return true;
  }
  return false;
}

bool is_signed_with_time(const Fields& headers, std::string_view body, std::string_view secret,
                         Time now) {
  const std::string_view given = headers.get("webhook-signature");
  const std::string_view time = headers.get("webhook-timestamp");
  const auto seconds = parse_number(time);
  if (given.empty() || !seconds || *seconds > (1ULL << 40)) return false;
  const auto off = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()) -
                   std::chrono::seconds(*seconds);
  if (off > kClocksDiffer || off < -kClocksDiffer) return false;
  const std::string wanted = webhook_signature(secret, headers.get("webhook-id"), time, body);
  // Several, while a secret is being replaced.
  return std::ranges::any_of(split(given, ' '),
                             [&](std::string_view one) { return is_same_secret(one, wanted); });
}

std::string first_of(const Fields& headers, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (const auto value = headers.find(name); value && !value->empty()) {
      return shorten(printable(*value), kLongestName);
    }
  }
  return {};
}

/// Gitea and Forgejo also say what GitHub says.
std::string sender_of(const Fields& headers) {
  if (headers.find("x-gitlab-event") || headers.find("x-gitlab-token")) return "gitlab";
  if (headers.find("x-forgejo-event")) return "forgejo";
  return headers.find("x-gitea-event") ? "gitea" : "github";
}

constexpr std::array kRepositoryNames = {"clone_url", "ssh_url",     "git_url",      "html_url",
                                         "http_url",  "git_ssh_url", "git_http_url", "web_url",
                                         "url",       "homepage"};

void add_names(const json::object& event, std::string_view part, std::vector<std::string>& names) {
  const json::value* value = event.if_contains(part);
  if (!value || !value->is_object()) return;
  for (const char* name : kRepositoryNames) {
    std::string url = text_in(value->get_object(), name);
    if (!url.empty()) names.push_back(std::move(url));
  }
}

/// "team/app": without what differs between the ways to name it.
std::string path_of(std::string_view text) {
  const auto url = source::parse_source_url(text);
  if (!url) return {};
  std::string_view path = url->path;
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.ends_with(".git")) path.remove_suffix(4);
  return lowered(path);
}

}  // namespace

std::string webhook_key(std::string_view secret) {
  constexpr std::string_view kPrefix = "whsec_";
  if (secret.starts_with(kPrefix)) {
    if (auto key = from_base64(secret.substr(kPrefix.size()))) return *std::move(key);
  }
  return std::string(secret);
}

std::string webhook_signature(std::string_view secret, std::string_view id, std::string_view time,
                              std::string_view body) {
  std::string message(id);
  message.append(".").append(time).append(".").append(body);
  return "v1," + to_base64(bytes_of(hmac_sha256(webhook_key(secret), message)));
}

std::optional<HookHead> check_hook(const Fields& headers, std::string_view body,
                                   std::string_view secret, Time now) {
  // All of them, so that the time does not tell which one was tried.
  const bool in_hex = is_signed_in_hex(headers, body, secret);
  const bool with_time = is_signed_with_time(headers, body, secret, now);
  const bool with_token =
      is_same_secret(hex(sha256(headers.get("x-gitlab-token"))), hex(sha256(secret)));
  if (secret.empty() || !(in_hex || with_time || with_token)) return std::nullopt;
  HookHead head{
      .sender = sender_of(headers),
      .event = first_of(headers,
                        {"x-forgejo-event", "x-gitea-event", "x-github-event", "x-gitlab-event"}),
      .delivery = first_of(headers, {"x-forgejo-delivery", "x-gitea-delivery", "x-github-delivery",
                                     "idempotency-key", "webhook-id", "x-gitlab-event-uuid"})};
  if (head.delivery.empty()) head.delivery = "sha256:" + hex(sha256(body));
  return head;
}

HookKind kind_of(const HookHead& head) {
  if (head.event == "push" || head.event == "Push Hook") return HookKind::push;
  return head.event == "ping" ? HookKind::ping : HookKind::other;
}

Result<PushEvent> parse_push_event(std::string_view text) {
  const auto bad = [](const char* what) {
    return Error(Errc::invalid, std::string("this is no push event: ") + what);
  };
  boost::system::error_code failure;
  json::parse_options limits;
  limits.max_depth = 32;
  const json::value value =
      json::parse(json::string_view(text.data(), text.size()), failure, {}, limits);
  if (failure || !value.is_object()) return bad("it is no JSON object");
  const json::object& object = value.get_object();
  PushEvent event{
      .ref = text_in(object, "ref"), .after = text_in(object, "after"), .repository = {}};
  if (!event.ref.starts_with("refs/") || event.ref.size() > kLongestName ||
      printable(event.ref) != event.ref) {
    return bad("`ref` is no ref");
  }
  if (!source::is_object_id(event.after)) return bad("`after` is no commit");
  add_names(object, "repository", event.repository);
  add_names(object, "project", event.repository);
  if (event.repository.empty()) return bad("it names no repository");
  return event;
}

bool is_same_repository(std::string_view a, std::string_view b) {
  const std::string path = path_of(a);
  return !path.empty() && path == path_of(b);
}

}  // namespace cooper::server
