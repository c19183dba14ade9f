#include "model/retention.h"

#include "base/text.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace cooper {

std::optional<std::size_t> parse_retention(std::string_view text) {
  const auto number = parse_integer(text);
  if (!number || *number < 1) return std::nullopt;
  return static_cast<std::size_t>(*number);
}

std::string ignored_retention(std::string_view text, std::string_view owner) {
  const auto number = parse_integer(text);
  const std::string what = number
                               ? "builds retention " + std::to_string(*number) + " below minimum 1"
                               : "non-integer builds retention " + go_quoted(text);
  return "Ignoring " + what + " for " + std::string(owner);
}

std::string_view to_string(RetentionLimit limit) noexcept {
  switch (limit) {
    case RetentionLimit::count:
      return "count";
    case RetentionLimit::age:
      return "age";
    case RetentionLimit::size:
      return "size";
  }
  return "count";
}

namespace {

Counted counted_as(const Build& build) {
  if (build.kind == Kind::deploy && !build.release.empty()) return Counted::deploys;
  const bool cost_nothing = never_began(build) && !build.superseded_by.empty();
  return cost_nothing ? Counted::superseded : Counted::builds;
}

}  // namespace

RetentionFacts retention_facts(const Build& build) {
  return {.id = build.id,
          .status = build.status,
          .started = build.started_at.at,
          // A clock that was set back meanwhile must not make it older than it is.
          .ended = std::max(build.finished_at.value_or(build.started_at).at, build.started_at.at),
          .pinned = build.pinned,
          .counted_as = counted_as(build)};
}

namespace {

/// Newest first: what a build is ordered by.
auto order_of(const BuildId& id, Time started, Time now) {
  return std::tuple(started <= now, started, id);
}

/// The builds that limits apply to, newest first, and what was decided on each.
class Sieve {
 public:
  Sieve(std::span<const RetentionFacts> builds, const RetentionPolicy& policy, Time now)
      : policy_(policy), now_(now) {
    for (const RetentionFacts& build : builds) {
      if (is_terminal(build.status) && !build.pinned) entries_.push_back({.build = &build});
    }
    std::ranges::sort(entries_, [&](const Entry& a, const Entry& b) {
      return order_of(a.build->id, a.build->started, now) >
             order_of(b.build->id, b.build->started, now);
    });
    std::size_t failed = 0;
    for (Entry& entry : entries_) {
      if (entry.build->status == Status::failed) entry.kept_failed = ++failed <= policy.keep_failed;
    }
  }

  void by_count() {
    std::map<Counted, std::size_t> counts;
    for (Entry& entry : entries_) {
      const std::size_t place = ++counts[entry.build->counted_as];
      if (place > policy_.count && !entry.kept_failed) remove(entry, RetentionLimit::count);
    }
  }

  void by_age() {
    if (policy_.age.count() == 0) return;
    for (Entry& entry : entries_) {
      const bool known = entry.build->started <= now_ && entry.build->ended <= now_;
      if (known && entry.build->ended < now_ - policy_.age) remove(entry, RetentionLimit::age);
    }
  }

  void by_size() {
    if (policy_.size == 0) return;
    std::uint64_t total = 0;
    for (const Entry& entry : entries_) total += entry.gone ? 0 : entry.build->bytes;
    for (const bool kept_failed : {false, true}) {
      for (std::size_t i = entries_.size(); i > 0 && total > policy_.size; --i) {
        Entry& entry = entries_[i - 1];
        if (entry.gone || entry.kept_failed != kept_failed) continue;
        remove(entry, RetentionLimit::size);
        if (entry.gone) total -= entry.build->bytes;
      }
    }
  }

  std::vector<Removal> removals() const {
    std::vector<Removal> result;
    for (std::size_t i = entries_.size(); i > 0; --i) {
      const Entry& entry = entries_[i - 1];
      if (entry.gone) result.push_back({entry.build->id, *entry.gone});
    }
    return result;
  }

 private:
  struct Entry {
    const RetentionFacts* build;
    bool kept_failed = false;
    std::optional<RetentionLimit> gone = std::nullopt;
  };

  static void remove(Entry& entry, RetentionLimit limit) {
    if (!entry.build->needed && !entry.gone) entry.gone = limit;
  }

  const RetentionPolicy& policy_;
  Time now_;
  std::vector<Entry> entries_;
};

}  // namespace

std::vector<Removal> beyond_retention(std::span<const RetentionFacts> builds,
                                      const RetentionPolicy& policy, Time now) {
  Sieve sieve(builds, policy, now);
  sieve.by_count();
  sieve.by_age();
  sieve.by_size();
  return sieve.removals();
}

std::vector<const Build*> newest_first(std::span<const Build> builds, Time now) {
  std::vector<const Build*> sorted;
  for (const Build& build : builds) sorted.push_back(&build);
  std::ranges::sort(sorted, [&](const Build* a, const Build* b) {
    return order_of(a->id, a->started_at.at, now) > order_of(b->id, b->started_at.at, now);
  });
  return sorted;
}

}  // namespace cooper
