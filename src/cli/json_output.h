#pragma once
// The JSON of `--format json`: docs/formats.md. What is there stays there.

#include "cli/authorized_keys.h"
#include "model/release.h"
#include "model/step.h"
#include "rack/rack.h"

#include <span>
#include <string>

namespace cooper::cli {

/// An array: of each build its record's fields, then `display_status`, its
/// status as a reader sees it.
std::string builds_json(std::span<const rack::BuildView> builds);
/// One such object, and its `steps`.
std::string build_json(const rack::BuildView& build, std::span<const Step> steps);

/// An array: of each release its record's fields and `active`, without
/// `manifest` and `environment`.
std::string releases_json(std::span<const Release> releases, const std::string& active);
/// One such object, whole.
std::string release_json(const Release& release, const std::string& active);

/// `before`, `after` and the lists of a BuildDiff.
std::string diff_json(const BuildId& before, const BuildId& after, const build::BuildDiff& diff);

/// An object of names and values.
std::string environment_json(const Environment& environment);

/// An array, by name.
std::string apps_json(std::span<const App> apps);
/// One of them.
std::string app_json(const App& app);

/// An array of `key`, `value` (absent: unset on this level) and `effective`.
/// An element of what `builds search` prints, indented and without a newline at its end.
std::string log_hit_json(const rack::LogHit& found);
std::string properties_json(std::span<const rack::PropertyView> properties);

/// An array of `engine`, `version`, `where`, `missing` (why it can't be used) and
/// `chosen` (why builds use it); what is empty is absent.
std::string registries_json(std::span<const engine::KnownLogin> logins);
std::string engines_json(std::span<const engine::EngineReport> engines);

/// An array of `name`, `type` and `fingerprint`.
std::string keys_json(std::span<const AuthorizedKey> keys);

/// An array of `service`, `instance`, `id`, `name`, `engine`, `release`, `deploy`, `active`,
/// `state`, `exit_code`, `restarts`, `health`, `started`, `network` and `ports`; what is empty is
/// absent.
std::string containers_json(std::span<const rack::ServiceContainer> containers);

/// An array of `app`, `id`, `kind`, `status`, `since`, `branch`, `position`, `waiting` and `why`;
/// what is empty is absent.
std::string queue_json(std::span<const build::QueueEntry> entries);

/// An array of `id`, `name`, `role`, `app`, `created_at` and `expires_at`; what is empty is absent.
/// Without which file it is in.
std::string audit_json(std::span<const store::AuditEntry> entries);
std::string tokens_json(std::span<const store::Token> tokens);

/// An array of `where`, `what`, `count` and `bytes`.
std::string disk_json(std::span<const build::DiskItem> items);

}  // namespace cooper::cli
