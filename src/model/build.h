#pragma once
// A build's record: its words, its life cycle, its fields. No I/O.

#include "base/time.h"
#include "model/names.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cooper {

/// What a run does: make images, or deploy existing ones.
enum class Kind : std::uint8_t { build, deploy };

/// Where a build is in its life, as stored. The spelling of an enumerator is its
/// spelling in JSON, in SQL and on the screen.
enum class Status : std::uint8_t { queued, running, succeeded, failed, canceled };

/// What a reader sees: the stored status, or `abandoned` when the record says
/// running but its process is gone. Computed, never written.
enum class DisplayStatus : std::uint8_t { queued, running, succeeded, failed, canceled, abandoned };

std::string_view to_string(Kind kind) noexcept;
std::string_view to_string(Status status) noexcept;
std::string_view to_string(DisplayStatus status) noexcept;
std::optional<Kind> parse_kind(std::string_view text) noexcept;
std::optional<Status> parse_status(std::string_view text) noexcept;
std::optional<DisplayStatus> parse_display_status(std::string_view text) noexcept;

/// succeeded, failed, canceled: never changes again.
constexpr bool is_terminal(Status status) noexcept {
  return status != Status::queued && status != Status::running;
}

/// The whole life cycle: queued -> running | canceled | failed;
/// running -> any terminal status; a terminal status never changes.
constexpr bool may_follow(Status from, Status to) noexcept {
  switch (from) {
    case Status::queued:
      return to == Status::running || to == Status::canceled || to == Status::failed;
    case Status::running:
      return is_terminal(to);
    case Status::succeeded:
    case Status::failed:
    case Status::canceled:
      return false;
  }
  return false;
}

/// The command that originated a build. `unknown` for a name not in the list
/// (git-hook, ps:rebuild, ps:restart, ps:start, deploy, config-redeploy,
/// git:sync, git:from-archive, git:from-image, git:load-image, build, import, webhook).
std::string known_source(std::string_view name);
/// What a source's run does: build or deploy.
Kind kind_of_source(std::string_view source) noexcept;

/// The durable facts of one build. The first nine fields and their order are
/// fixed by the format that Dokku's users know; ours follow, absent when empty.
struct Build {
  BuildId id;
  AppName app;
  Kind kind = Kind::build;
  std::int64_t pid = 0;  ///< the supervisor's, also while it waits for its turn
  Timestamp started_at;  ///< of the run; of a build that has not run, when it was queued
  std::optional<Timestamp> finished_at;
  Status status = Status::running;
  std::string source = "build";
  std::optional<int> exit_code;  ///< -1: canceled or reaped

  std::string description;
  std::string git_sha;
  std::string release;   ///< id of the release that it made or, of a deploy, deploys
  std::string reason;    ///< why it did not succeed, in one line
  std::string engine;    ///< name and version of what made the images
  std::string platform;  ///< that images were asked for, "linux/arm64"; empty: the engine's own
  std::map<std::string, std::string> images;  ///< service -> reference@digest
  std::map<std::string, std::string> pushed;  ///< service -> reference@digest in the registry
  /// Service -> id of the earlier build whose image it uses again, since nothing changed.
  std::map<std::string, std::string> unchanged;
  std::string host;           ///< where it ran
  std::string retry_of;       ///< id of the build whose source and arguments it takes again
  std::string imported_from;  ///< "app/id" of the build elsewhere whose images it has, or an image
  bool pinned = false;        ///< no retention removes it
  std::string log_erased;     ///< by whom and when; empty: it was not
  std::optional<Timestamp> queued_at;  ///< of a build that had to wait for its turn
  std::string superseded_by;           ///< id of the newer build that came in its place

  /// Fields that this version does not know: name and JSON text, in file order.
  std::vector<std::pair<std::string, std::string>> unknown_fields;

  bool operator==(const Build&) const = default;
};

/// Exit code in the record of a build that a time limit ended.
inline constexpr int kTimedOut = 124;

/// How a build ended.
struct Outcome {
  Status status = Status::failed;  ///< terminal
  int exit_code = -1;              ///< of what failed; -1: canceled or reaped
  std::string engine;
  std::string reason;
  std::string release;
  std::map<std::string, std::string> images;
  std::map<std::string, std::string> pushed;
  std::map<std::string, std::string> unchanged;
  std::string superseded_by = {};
};

/// Applies `outcome` at `when` if the life cycle allows it. The first to
/// finalize wins: false, and nothing is changed, when the record is terminal.
bool finalize(Build& build, const Outcome& outcome, Time when);

/// The turn of a queued build has come: it runs from `when` on. False, and nothing is changed, if
/// it is not queued.
bool begin_run(Build& build, Time when);

/// It has ended before its turn came: canceled, superseded or failed while it waited.
bool never_began(const Build& build) noexcept;

/// What a reader sees; `process_lives`: the recorded process is that build's.
DisplayStatus display_status(const Build& build, bool process_lives) noexcept;

/// From start to finish, or to `now` while it runs. Never negative.
std::chrono::seconds elapsed(const Build& build, Time now) noexcept;

}  // namespace cooper
