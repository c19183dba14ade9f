#include "server/build_figures.h"

#include "base/error.h"

#include <algorithm>

namespace cooper::server {

namespace {

constexpr std::chrono::seconds kFresh{5};
/// A record is there somewhat later than what it says of its beginning.
constexpr std::chrono::minutes kMargin{1};

constexpr std::array kKinds = {Kind::build, Kind::deploy};
constexpr std::array kEnds = {Status::succeeded, Status::failed, Status::canceled};

std::size_t place_of(Status end) {
  return static_cast<std::size_t>(std::ranges::find(kEnds, end) - kEnds.begin());
}

}  // namespace

BuildFigures::BuildFigures(store::Layout layout, rack::Rack& rack, Time begin)
    : store_(std::move(layout)),
      rack_(rack),
      begin_(begin),
      since_(begin),
      took_{{{Times(kBuildTimes), Times(kBuildTimes), Times(kBuildTimes)},
             {Times(kBuildTimes), Times(kBuildTimes), Times(kBuildTimes)}}} {}

void BuildFigures::count_ended(const Build& build) {
  if (!build.finished_at || build.finished_at->at < begin_) return;
  if (!ended_.emplace(Key(build.app, build.id), build.started_at.at).second) return;
  const auto took = build.finished_at->at - build.started_at.at;
  took_[static_cast<std::size_t>(build.kind)][place_of(build.status)].observe(took);
  if (build.queued_at) waited_.observe(build.started_at.at - build.queued_at->at);
  unchanged_services_ += build.unchanged.size();
  try {
    for (const Step& step : rack_.list_steps(build.app, build.id)) {
      ++steps_;
      if (step.cached) ++cached_steps_;
    }
  } catch (const Error&) {  // boundary: one build, which was removed meanwhile or is damaged
  }
}

void BuildFigures::look_at(const Build& build) {
  if (is_terminal(build.status)) {
    count_ended(build);
  } else {
    live_.emplace(build.app, build.id);
  }
}

void BuildFigures::look() {
  const Time begin = now();
  const std::set<Key> before = std::exchange(live_, {});
  const auto visit = [&](const store::BuildQuery& query) {
    store_.query_builds(query, [&](Build&& build) {
      look_at(build);
      return true;
    });
  };
  store::BuildQuery live;
  live.statuses = {Status::queued, Status::running};
  visit(live);
  store::BuildQuery begun;
  begun.since = since_ - kMargin;
  visit(begun);
  // Those that have ended, and began before that.
  for (const auto& [app, id] : before) {
    if (live_.contains({app, id})) continue;
    try {
      if (const auto build = store_.find_build(app, id)) look_at(*build);
    } catch (const Error&) {  // boundary: one damaged record must not hide the others
    }
  }
  // What began that long ago is not visited again.
  std::erase_if(ended_, [&](const auto& entry) { return entry.second < begin - kMargin; });
  since_ = begin;
  tally_ = store_.tally_builds();
  waiting_ = running_ = 0;
  longest_wait_ = 0;
  for (const build::QueueEntry& entry : rack_.list_queue()) {
    ++(entry.place ? waiting_ : running_);
    if (!entry.place) continue;
    const std::chrono::duration<double> waited = begin - entry.ticket.since;
    longest_wait_ = std::max(longest_wait_, waited.count());
  }
}

void BuildFigures::write(MetricText& text) {
  const std::lock_guard lock(mutex_);
  const auto time = std::chrono::steady_clock::now();
  if (!looked_ || time - *looked_ > kFresh) {
    look();
    looked_ = time;
  }
  text.family("cooper_builds", "gauge", "Builds and deploys that have a record, by its status.");
  for (const store::BuildTally& tally : tally_) {
    text.sample({{"kind", to_string(tally.kind)}, {"status", to_string(tally.status)}},
                std::uint64_t{tally.builds});
  }
  text.family("cooper_build_duration_seconds", "histogram",
              "How long those took that ended since the server started.");
  for (const Kind kind : kKinds) {
    for (const Status end : kEnds) {
      text.histogram({{"kind", to_string(kind)}, {"status", to_string(end)}},
                     took_[static_cast<std::size_t>(kind)][place_of(end)]);
    }
  }
  text.family("cooper_queue_wait_seconds", "histogram",
              "How long those of them waited for their turn that had to.");
  text.histogram({}, waited_);
  text.family("cooper_queue_waiting", "gauge", "Builds and deploys that wait for their turn.");
  text.sample(std::uint64_t{waiting_});
  text.family("cooper_queue_running", "gauge", "Builds that have a place and run.");
  text.sample(std::uint64_t{running_});
  text.family("cooper_queue_longest_wait_seconds", "gauge", "Since when the first of them waits.");
  text.sample({}, longest_wait_);
  text.family("cooper_steps_total", "counter",
              "Steps of builds that ended since the server started.");
  text.sample({{"cached", "true"}}, cached_steps_);
  text.sample({{"cached", "false"}}, steps_ - cached_steps_);
  text.family("cooper_unchanged_services_total", "counter",
              "Services of those builds that use the image of an earlier build again.");
  text.sample(unchanged_services_);
}

}  // namespace cooper::server
