#include "build/run.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "build/watch.h"
#include "engine/buildah.h"
#include "process/descendants.h"
#include "source/unpack.h"

#include <algorithm>
#include <fcntl.h>
#include <thread>

namespace cooper::build {

namespace {

std::string count_of(std::size_t n, const char* noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

Outcome failure(const Error& error) {
  std::string reason = error.message();
  if (!error.hint().empty()) reason += " (" + error.hint() + ")";
  return {.status = Status::failed, .exit_code = 1, .reason = std::move(reason)};
}

}  // namespace

Run::Run(Parts parts)
    : parts_(parts),
      files_(parts.layout.build(parts.app, parts.id)),
      steps_(files_.steps, parts.layout.log_mode()) {}

void Run::say(const std::string& line) { parts_.log.append(parts_.redactor.redact(line) + "\n"); }

Outcome Run::run() {
  cgroup_ = process::Cgroup::create(parts_.id.str(), parts_.settings.memory);
  if (parts_.settings.memory != 0 && (!cgroup_ || !cgroup_->limits_memory())) {
    say("warning: the memory limit of " + human_bytes(parts_.settings.memory) +
        " is not enforced: no control group with a memory limit can be made here (needs root, or "
        "a delegated group)");
  }
  Watch watch(parts_.settings, clock_);
  std::stop_source stop;
  Outcome outcome;
  std::jthread worker([&] {
    try {
      outcome = work(stop.get_token());
    } catch (const Error& error) {  // boundary: background task
      outcome = failure(error);
      if (stop.stop_requested()) outcome.status = Status::canceled;
    } catch (const std::exception& error) {  // boundary: background task
      outcome = failure(Error(Errc::internal, error.what()));
    }
    watch.work_is_done();
  });
  watch.wait(stop);
  worker.join();
  // What succeeded or failed by itself before the request reached it has done so.
  if (watch.end_request() && outcome.status == Status::canceled) {
    outcome.status = watch.end_request()->status;
    outcome.exit_code = watch.end_request()->exit_code;
    outcome.reason = watch.end_request()->reason;
  }
  if (engine_) outcome.engine = engine_->name();
  outcome.reason = parts_.redactor.redact(outcome.reason);
  clean_up(outcome);
  return outcome;
}

Outcome Run::work(std::stop_token stop) {
  const std::filesystem::path source = files_.work / "source";
  make_folders(source, 0700);
  const Fd archive = open_file(files_.source, O_RDONLY);
  source::unpack(archive.get(), source, {}, stop);

  Result<Plan> plan = make_plan({.source = source,
                                 .app = parts_.app,
                                 .id = parts_.id,
                                 .request = parts_.request,
                                 .environment = parts_.environment});
  if (!plan) throw Error(plan.error());
  plan_ = std::move(*plan);

  engine_ = std::make_unique<engine::BuildahEngine>(engine::BuildContext{
      .build = parts_.id,
      .work = files_.work,
      .cgroup_parent = cgroup_ ? cgroup_->parent_path() : "",
      .cgroups = cgroup_ ? cgroup_->join_folders() : std::vector<std::filesystem::path>{},
      .cache = parts_.layout.cache(),
      .memory_limit = cgroup_ && cgroup_->limits_memory() ? 0 : parts_.settings.memory,
      .since = began_});
  const unsigned jobs = jobs_at_once();
  say_what_comes(jobs);
  ImageMaker maker({.plan = plan_,
                    .engine = *engine_,
                    .log = parts_.log,
                    .steps = steps_,
                    .redactor = parts_.redactor,
                    .clock = clock_,
                    .jobs = jobs});
  return judge(maker.run(std::move(stop)));
}

unsigned Run::jobs_at_once() const {
  const unsigned asked =
      parts_.request.jobs != 0 ? parts_.request.jobs : std::thread::hardware_concurrency();
  return std::max(1U, std::min(asked, static_cast<unsigned>(plan_.images.size())));
}

void Run::say_what_comes(unsigned jobs) {
  say("Building " + count_of(plan_.images.size(), "image") + " for " +
      count_of(plan_.services.size(), "service") + " with " + engine_->name() +
      (jobs > 1 ? ", " + std::to_string(jobs) + " at a time" : ""));
}

Outcome Run::judge(const ImagesResult& result) const {
  if (result.failed) {
    const engine::ImageResult& image = result.images[*result.failed];
    return {.status = Status::failed,
            .exit_code = image.exit_code != 0 ? image.exit_code : 1,
            .reason = "service " + plan_.images[*result.failed].service + ": " + image.reason +
                      memory_verdict(image)};
  }
  Outcome outcome{.status = Status::succeeded, .exit_code = 0};
  for (const PlannedService& service : plan_.services) {
    const engine::ImageResult& image = result.images[service.image];
    if (image.end != engine::ImageResult::End::made) {
      return {.status = Status::canceled, .exit_code = -1, .reason = "canceled"};
    }
    outcome.images[service.name.str()] = service.reference + "@" + image.digest;
  }
  return outcome;
}

/// The engine's reason says that the kernel killed for memory: this, whose limit that was.
std::string Run::memory_verdict(const engine::ImageResult& image) const {
  if (!image.out_of_memory) return "";
  if (parts_.settings.memory == 0) return " on this host";
  return ": it needs more than " + human_bytes(parts_.settings.memory) + " (property memory)";
}

/// The outcome stands: what can't be removed is said, and prune tries again.
void Run::clean_up(const Outcome& outcome) {
  const auto attempt = [this](auto&& action) {
    try {
      action();
    } catch (const std::exception& error) {  // boundary: see above
      try {
        say(std::string("warning: ") + error.what());
      } catch (const Error&) {  // boundary: a full disk; the record tells the rest
      }
    }
  };
  bool all_ended = true;
  if (cgroup_) all_ended = cgroup_->kill_all();
  attempt([&] { all_ended = process::end_descendants() && all_ended; });
  if (!all_ended) attempt([&] { say("warning: some of the build's processes can't be killed"); });
  if (outcome.status != Status::succeeded && engine_) {
    attempt([&] { engine_->clean_up(); });
    attempt([&] {
      std::vector<std::string> tags;
      for (const PlannedService& service : plan_.services) tags.push_back(service.reference);
      engine_->remove_images(tags);
    });
  }
  if (cgroup_) cgroup_->remove();
  attempt([&] { remove_tree(files_.work); });
  attempt([&] { steps_.sync(); });
}

}  // namespace cooper::build
