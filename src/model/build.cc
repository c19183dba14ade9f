#include "model/build.h"

#include <algorithm>
#include <array>

namespace cooper {

namespace {

constexpr std::array<std::string_view, 2> kKinds = {"build", "deploy"};
constexpr std::array<std::string_view, 6> kStatuses = {"queued", "running",  "succeeded",
                                                       "failed", "canceled", "abandoned"};

struct SourceKind {
  std::string_view name;
  Kind kind;
};
constexpr std::array kSources = {
    SourceKind{"build", Kind::build},
    SourceKind{"git-hook", Kind::build},
    SourceKind{"ps:rebuild", Kind::build},
    SourceKind{"git:sync", Kind::build},
    SourceKind{"git:from-archive", Kind::build},
    SourceKind{"git:from-image", Kind::build},
    SourceKind{"git:load-image", Kind::build},
    SourceKind{"ps:restart", Kind::deploy},
    SourceKind{"ps:start", Kind::deploy},
    SourceKind{"deploy", Kind::deploy},
    SourceKind{"config-redeploy", Kind::deploy},
    SourceKind{"import", Kind::build},
    SourceKind{"webhook", Kind::deploy},
    SourceKind{"unknown", Kind::deploy},
};

template <class Enum, std::size_t N>
std::optional<Enum> parse_word(const std::array<std::string_view, N>& words, std::size_t count,
                               std::string_view text) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    if (words[i] == text) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(Kind kind) noexcept { return kKinds[static_cast<std::size_t>(kind)]; }
std::string_view to_string(Status status) noexcept {
  return kStatuses[static_cast<std::size_t>(status)];
}
std::string_view to_string(DisplayStatus status) noexcept {
  return kStatuses[static_cast<std::size_t>(status)];
}

std::optional<Kind> parse_kind(std::string_view text) noexcept {
  return parse_word<Kind>(kKinds, kKinds.size(), text);
}
std::optional<Status> parse_status(std::string_view text) noexcept {
  return parse_word<Status>(kStatuses, kStatuses.size() - 1, text);
}
std::optional<DisplayStatus> parse_display_status(std::string_view text) noexcept {
  return parse_word<DisplayStatus>(kStatuses, kStatuses.size(), text);
}

std::string known_source(std::string_view name) {
  const bool known =
      std::ranges::any_of(kSources, [&](const SourceKind& source) { return source.name == name; });
  return known ? std::string(name) : "unknown";
}

Kind kind_of_source(std::string_view source) noexcept {
  for (const SourceKind& known : kSources) {
    if (known.name == source) return known.kind;
  }
  return Kind::deploy;
}

bool finalize(Build& build, const Outcome& outcome, Time when) {
  if (!is_terminal(outcome.status) || !may_follow(build.status, outcome.status)) return false;
  build.status = outcome.status;
  build.exit_code = outcome.exit_code;
  build.finished_at = Timestamp{when};
  if (!outcome.engine.empty()) build.engine = outcome.engine;
  build.reason = outcome.reason;
  if (!outcome.release.empty()) build.release = outcome.release;
  build.images = outcome.images;
  build.pushed = outcome.pushed;
  build.unchanged = outcome.unchanged;
  build.superseded_by = outcome.superseded_by;
  return true;
}

bool begin_run(Build& build, Time when) {
  if (build.status != Status::queued) return false;
  build.status = Status::running;
  build.started_at = Timestamp{when};
  return true;
}

bool never_began(const Build& build) noexcept {
  return is_terminal(build.status) && build.queued_at == build.started_at;
}

DisplayStatus display_status(const Build& build, bool process_lives) noexcept {
  if (build.status == Status::running && !process_lives) return DisplayStatus::abandoned;
  return static_cast<DisplayStatus>(build.status);
}

std::chrono::seconds elapsed(const Build& build, Time now) noexcept {
  const Time end = build.finished_at ? build.finished_at->at : now;
  return std::max(seconds_between(build.started_at.at, end), std::chrono::seconds{0});
}

}  // namespace cooper
