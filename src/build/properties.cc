#include "build/properties.h"

#include "base/ascii.h"
#include "base/text.h"
#include "base/time.h"
#include "build/property_values.h"
#include "build/publish.h"
#include "build/registry.h"
#include "build/send_trace.h"
#include "build/webhook_settings.h"
#include "engine/choose.h"
#include "engine/daemons.h"
#include "log/redact.h"
#include "model/retention.h"
#include "source/git_repository.h"
#include "source/url.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

namespace cooper::build {

namespace {

bool is_duration(std::string_view text) { return parse_duration(text).has_value(); }

bool is_retention(std::string_view text) { return parse_retention(text).has_value(); }

/// Below this no build's first process starts.
constexpr std::uint64_t kLeastMemory = 16ULL << 20;

bool is_size(std::string_view text) { return parse_bytes(text).has_value(); }

bool is_count(std::string_view text) {
  const auto number = parse_number(text);
  return number && *number <= 1'000'000;
}

bool is_memory(std::string_view text) {
  const auto bytes = parse_bytes(text);
  return bytes && (*bytes == 0 || *bytes >= kLeastMemory);
}

/// Less is no quota for the kernel.
bool is_cpus(std::string_view text) {
  const auto cpus = parse_cpus(text);
  return cpus && (*cpus == 0 || *cpus >= 10);
}

bool is_log_limit(std::string_view text) {
  const auto bytes = parse_bytes(text);
  return bytes && (*bytes == 0 || *bytes >= 1ULL << 20);
}

/// Those that are shorter are not looked for (log/redact.h): better to say so at once.
bool is_secrets(std::string_view text) {
  return text.size() <= (std::size_t{1} << 20) &&
         std::ranges::all_of(log::secrets_from_lines(text),
                             [](const std::string& secret) { return secret.size() >= 4; });
}

bool is_branch(std::string_view text) { return text.empty() || source::is_branch_name(text); }
bool is_failed_push(std::string_view text) { return text == "reject" || text == "accept"; }

bool is_on_or_off(std::string_view text) { return text == "on" || text == "off"; }

/// What every syslog daemon takes as a part of a tag.
bool is_syslog_prefix(std::string_view text) {
  return text.size() <= 32 && is_made_of_letters(text, "-_.");
}

bool is_concurrency(std::string_view text) { return parse_concurrency(text).has_value(); }

bool is_supersede(std::string_view text) {
  return text == "off" || text == "queued" || text == "running";
}
bool is_syntax(std::string_view text) {
  return text == "allow" || text == "builtin" || text == "deny";
}

constexpr std::string_view kDurationHelp = "a duration such as 30m, 1h30m or 90s; 0 means none";

// Empty, as by default: none.
bool is_buildkit(std::string_view text) {
  return engine::parse_buildkit_addresses(text).has_value();
}
bool is_folder(std::string_view text) { return text.empty() || text.starts_with('/'); }
bool is_program(std::string_view text) {
  return is_folder(text) && !text.ends_with('/') && valid_utf8(text) == text &&
         std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < ' '; });
}
bool is_deployer(std::string_view text) {
  return text == "none" || text == "command" || text == "containers";
}
bool is_runtime(std::string_view text) {
  return text == "auto" || text == "docker" || text == "podman";
}
/// As Docker names networks. Those of other containers, and none at all, are no place for a
/// service.
bool is_network(std::string_view text) {
  return !text.empty() && text.size() <= 128 && text != "none" && text != "default" &&
         text != "bridge" && is_made_of_letters(text, "_-.") && text[0] != '-' && text[0] != '.';
}
bool is_publish(std::string_view text) { return parse_publish(text).has_value(); }
bool is_timeout(std::string_view text) {
  const auto duration = parse_duration(text);
  return duration && *duration <= std::chrono::hours(24);
}

bool is_registry(std::string_view text) {
  return text.empty() || text == "off" || is_repository(text);
}
bool is_cache(std::string_view text) { return text.empty() || is_cache_wish(text); }

/// What FetchPolicy::schemes may hold.
bool is_schemes(std::string_view text) {
  constexpr std::array<std::string_view, 5> kKnown = {"https", "http", "ssh", "git", "file"};
  return std::ranges::all_of(split(text, ','), [&](std::string_view scheme) {
    return std::ranges::find(kKnown, trim(scheme)) != kKnown.end();
  });
}
bool is_some_size(std::string_view text) { return parse_bytes(text).value_or(0) > 0; }
bool is_some_time(std::string_view text) {
  const auto time = parse_duration(text);
  return time && time->count() > 0 && *time <= std::chrono::hours(24);
}

constexpr std::array kProperties = {
    Property{"auto-create", "does a push over ssh or HTTP to an app that there is not create it",
             "on or off; of all apps alone: --global", "on", is_on_or_off},
    Property{"buildkit", "where BuildKit daemons listen; an app stays with one of several",
             "unix:///PATH or tcp://HOST:PORT; several with commas between them", "", is_buildkit},
    Property{"buildkit-certs", "folder with ca.pem, cert.pem and key.pem for a daemon over TCP",
             "an absolute path", "", is_folder},
    Property{"cache", "where layers are kept for other machines",
             "registry, registry:HOST/NAME, inline or off", "", is_cache},
    Property{"cache-limit", "how large the build cache of a Docker Engine may stay",
             "a size such as 500m or 20g; 0 means no limit", "20g", is_size},
    Property{"concurrency",
             "how many builds of all apps may run at once; of all apps alone: --global",
             "a whole number from 1 to 1000, or cores", "cores", is_concurrency},
    Property{"cpus", "processors that all processes of a build may use together",
             "a number such as 0.5 or 2, at least 0.01; 0 means no limit", "0", is_cpus},
    Property{"deploy-branch", "the branch whose pushes are built",
             "a branch such as main; empty: main if there is one, else master", "", is_branch},
    Property{"deploy-command", "the program that deploys a release, if the deployer is `command`",
             "an absolute path", "", is_program},
    Property{"deployer",
             "what promoting does: nothing, run the program deploy-command, or start containers",
             "none, command or containers", "none", is_deployer},
    Property{"disk-min", "a build is refused while less is free on the disks that it writes to",
             "a size such as 500m or 2g; 0 means that it is never refused", "500m", is_size},
    Property{"engine", "what makes images; see cooper engines", "auto, buildah, docker or buildkit",
             "auto", engine::is_engine_name},
    Property{"failed-push", "what becomes of a git push whose build or deploy fails",
             "reject (the branch stays where it was) or accept", "reject", is_failed_push},
    Property{"fetch-limit", "how large an archive or repository that is fetched may be",
             "a size such as 200m or 2g", "1g", is_some_size},
    Property{"fetch-private", "may source be fetched from addresses that are not public?",
             "on or off", "off", is_on_or_off},
    Property{"fetch-schemes", "how source may be fetched",
             "some of https, http, ssh, git and file, with commas between them", "https,ssh",
             is_schemes},
    Property{"fetch-timeout", "how long fetching source may take",
             "a duration such as 90s or 30m, at most 24h", "10m", is_some_time},
    Property{"health-timeout", "how long a new container may take until it is healthy",
             "a duration such as 90s or 5m, at most a day", "1m", is_timeout},
    Property{"keep-failed", "how many failed builds an app keeps even if `retention` is exceeded",
             "a whole number from 0 to 1000000", "0", is_count},
    Property{"log-limit", "how large a build's log may be; beyond it the middle is cut",
             "a size such as 64m or 1g, at least 1m; 0 means no limit", "256m", is_log_limit},
    Property{"memory", "memory that all processes of a build may use together",
             "a size such as 512m or 2g, at least 16m; 0 means no limit", "0", is_memory},
    Property{"network", "the network that a service's containers are in",
             "own (one for each deploy), host, or the name of an existing one", "own", is_network},
    Property{"otlp-endpoint", "where each build is told as a trace (OTLP over HTTP, JSON)",
             "a URL without credentials, such as http://127.0.0.1:4318; empty: nowhere", "",
             is_otlp_endpoint},
    Property{"otlp-headers", "headers that go with it, such as Authorization",
             "lines of Name: value", "", is_otlp_headers, Secrecy::secret},
    Property{"publish", "the host's ports at which services are reached; else free ones are taken",
             "SERVICE[:PORT][/udp]=[ADDRESS:]PORT, such as web=8080; several with commas", "",
             is_publish},
    Property{"redact", "secrets that no log, step or record shows, besides those of COOPER_REDACT",
             "values of at least 4 bytes, one a line", "", is_secrets, Secrecy::secret},
    Property{"registry", "where images are pushed to, as HOST/NAME:<service>.<build>",
             "HOST[:PORT]/NAME without a tag, such as ghcr.io/me/shop; off: nowhere", "",
             is_registry},
    Property{"retention", "how many finished builds an app keeps", "a whole number from 1", "20",
             is_retention},
    Property{"retention-age", "a build that ended longer ago is removed",
             "a duration such as 30d or 720h; 0 means none", "0", is_duration},
    Property{"retention-size", "the oldest builds go until logs, steps and sources fit in this",
             "a size such as 500m or 10g; 0 means no limit", "0", is_size},
    Property{"runtime", "what runs containers", "auto (where the images are), docker or podman",
             "auto", is_runtime},
    Property{"stall-timeout", "a build that prints nothing for so long is ended", kDurationHelp,
             "0", is_duration},
    Property{"stop-timeout", "how long a container may take to end before it is killed",
             "a duration such as 10s or 2m, at most a day", "30s", is_timeout},
    Property{"supersede", "what a newer build of the same branch takes the place of",
             "queued (a build that waits), running (one that runs, too) or off", "queued",
             is_supersede},
    Property{"syntax", "what a # syntax= line of a Dockerfile does",
             "allow (the frontend is pulled), builtin (it is ignored) or deny", "builtin",
             is_syntax},
    Property{"syslog", "copy each line of a build's log to the system's log", "on or off", "off",
             is_on_or_off},
    Property{"syslog-prefix", "what a build's lines are called in syslog: this and its id",
             "up to 32 letters, digits, -, _ and .", "dokku-", is_syslog_prefix},
    Property{"timeout", "a build that takes longer is ended", kDurationHelp, "6h", is_duration},
    Property{"unpack-limit", "how large the files of a fetched archive may be together",
             "a size such as 500m or 10g", "4g", is_some_size},
    Property{"webhook-private", "may webhooks be sent to addresses that are not public?",
             "on or off; of all apps alone: --global", "off", is_on_or_off},
    Property{"webhook-secret", "what webhooks that start builds are signed with",
             "16 to 256 letters, digits and signs", "", is_webhook_secret, Secrecy::secret},
    Property{"webhook-url", "the repository whose webhooks start builds",
             "https://..., ssh://... or git@HOST:PATH, without credentials", "", is_webhook_url},
};

}  // namespace

std::span<const Property> properties() { return kProperties; }

Secrecy secrecy_of(std::string_view key) {
  const auto found = std::ranges::find(kProperties, key, &Property::key);
  return found == kProperties.end() ? Secrecy::open : found->secrecy;
}

std::string shown_value(const std::string& value) {
  return '"' + shorten(source::hide_credentials(value), 60) + '"';
}

Result<PropertyKey> check_property(std::string_view key, const std::optional<std::string>& value) {
  const auto found = std::ranges::find(kProperties, key, &Property::key);
  if (found == kProperties.end()) {
    std::vector<std::string> keys;
    for (const Property& property : kProperties) keys.emplace_back(property.key);
    const auto near = nearest(key, keys);
    return Error(Errc::invalid, "unknown property \"" + shorten(key, 60) + "\"",
                 near ? "did you mean \"" + *near + "\"?" : "properties: " + join(keys, ", "));
  }
  if (value && !found->accepts(*value)) {
    const std::string shown = found->secrecy == Secrecy::secret ? "value" : shown_value(*value);
    return Error(Errc::invalid, "invalid " + std::string(key) + " " + shown,
                 "expected " + std::string(found->expects));
  }
  return PropertyKey::parse(key);
}

}  // namespace cooper::build
