#include "build/run.h"

#include "base/error.h"
#include "base/file.h"
#include "base/processors.h"
#include "base/text.h"
#include "build/imported.h"
#include "build/outcome.h"
#include "build/push.h"
#include "build/registry.h"
#include "build/root_id.h"
#include "build/save.h"
#include "build/watch.h"
#include "engine/registry_auth.h"
#include "store/images_lock.h"

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <utility>

namespace cooper::build {

namespace {

std::string count_of(std::size_t n, const char* noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

}  // namespace

Run::Run(Parts parts)
    : parts_(std::move(parts)),
      files_(parts_.layout.build(parts_.app, parts_.id)),
      source_(parts_.layout, parts_.app, parts_.id, parts_.request.tree),
      steps_(files_.steps, parts_.layout.log_mode()) {}

void Run::say(const std::string& line) const {
  parts_.log.append(parts_.redactor.redact(line) + "\n");
}

Outcome Run::run() {
  containment_.emplace(parts_.id, parts_.settings, [this](const std::string& line) { say(line); });
  Outcome outcome = run_watched(parts_.settings, clock_,
                                [this](std::stop_token stop) { return work(std::move(stop)); });
  if (engine_) outcome.engine = engine_->name();
  outcome.reason = parts_.redactor.redact(outcome.reason);
  keep_statement(outcome);
  clean_up(outcome);
  return outcome;
}

Outcome Run::work(std::stop_token stop) {
  if (is_import()) {
    copy_history(files_.work, parts_.log, steps_, parts_.redactor);
    plan_ = plan_import(parts_.layout, parts_.app, parts_.id);
  } else {
    plan_source(stop);
  }
  return make_images(std::move(stop));
}

/// Images come from elsewhere: there is no source.
bool Run::is_import() const { return !parts_.request.imported_from.empty(); }

void Run::plan_source(std::stop_token stop) {
  source_.open(std::move(stop));
  Result<Plan> plan = make_plan({.source = source_.folder(),
                                 .app = parts_.app,
                                 .id = parts_.id,
                                 .began = began_,
                                 .request = parts_.request,
                                 .syntax = parts_.settings.syntax,
                                 .root = make_root_id(parts_.layout).text,
                                 .environment = parts_.environment});
  if (!plan) throw Error(plan.error());
  plan_ = std::move(*plan);
}

Outcome Run::make_images(std::stop_token stop) {
  if (const std::string& registry = parts_.settings.registry; !registry.empty()) {
    registries_.push_back(engine::registry_of(registry));
  }
  // What can't be written to is said before anything is built.
  if (!parts_.request.output.empty()) make_folders(parts_.request.output);
  choose_cache();
  choose_engine();
  check_engine();
  const unsigned jobs = jobs_at_once();
  for (const std::string& note : plan_.notes) say(note);
  say_what_comes(jobs);
  const bool anew = parts_.request.no_cache || parts_.request.force;
  const EarlierImages earlier(parts_.layout, parts_.app, *engine_,
                              {source_.folder(), source_.tree(), source_.digests()},
                              anew ? EarlierImages::Use::forbidden : EarlierImages::Use::allowed);
  ImageMaker maker({.plan = plan_,
                    .engine = *engine_,
                    .earlier = earlier,
                    .log = parts_.log,
                    .steps = steps_,
                    .redactor = parts_.redactor,
                    .clock = clock_,
                    .jobs = jobs});
  made_ = maker.run(stop);
  Outcome outcome = judge();
  if (outcome.status == Status::succeeded) save(outcome, stop);
  if (outcome.status == Status::succeeded) push(jobs, outcome, std::move(stop));
  return outcome;
}

void Run::save(Outcome& outcome, std::stop_token stop) {
  if (parts_.request.output.empty()) return;
  const engine::SaveResult result = save_images({.plan = plan_,
                                                 .made = made_,
                                                 .engine = *engine_,
                                                 .log = parts_.log,
                                                 .steps = steps_,
                                                 .redactor = parts_.redactor,
                                                 .clock = clock_},
                                                parts_.request.output, std::move(stop));
  if (result.end == engine::SaveResult::End::canceled) {
    outcome = canceled();
  } else if (result.end == engine::SaveResult::End::failed) {
    outcome = failed(result.reason);
  }
}

void Run::push(unsigned jobs, Outcome& outcome, std::stop_token stop) {
  if (!ImagePusher::has_work(plan_, made_, parts_.settings.registry)) return;
  ImagePusher pusher({.plan = plan_,
                      .made = made_,
                      .id = parts_.id,
                      .repository = parts_.settings.registry,
                      .engine = *engine_,
                      .log = parts_.log,
                      .steps = steps_,
                      .redactor = parts_.redactor,
                      .clock = clock_,
                      .jobs = jobs});
  PushesResult result = pusher.run(std::move(stop));
  if (result.end == PushesResult::End::canceled) {
    outcome = canceled();
  } else if (result.end == PushesResult::End::failed) {
    outcome = failed(std::move(result.reason));
  }
  outcome.pushed = std::move(result.pushed);
}

void Run::choose_cache() {
  std::vector<std::string> warnings;
  const auto cache = layer_cache(parts_.settings, warnings);
  for (const std::string& warning : warnings) say("warning: " + warning);
  if (!cache) return;
  use_layer_cache(plan_, parts_.app, *cache);
  registries_.push_back(engine::registry_of(cache->repository));
}

void Run::choose_engine() {
  engine::EngineWish wish = parts_.settings.engine;
  if (!parts_.request.engine.empty()) wish.engine = parts_.request.engine;
  wish.app = parts_.app.str();
  if (is_import()) {
    wish.buildkit.clear();  // such daemons keep no images
    if (wish.engine == "buildkit") {
      throw Error(
          Errc::invalid, "a BuildKit daemon keeps no images that could be imported",
          "import with another engine: cooper builds set engine auto -a " + parts_.app.str());
    }
  }
  engine_ = reach_one(engine::choose_engine(wish));
  parts_.engine_is(engine_->name());
}

/// The choice's engine, or one of the other daemons if that can't be reached.
std::unique_ptr<engine::Engine> Run::reach_one(engine::EngineChoice choice) {
  for (auto next = choice.others.begin();; ++next) {
    try {
      auto engine = reach(choice);
      if (!choice.others.empty()) say("Using the BuildKit daemon at " + choice.address);
      return engine;
    } catch (const Error& error) {  // adapter: another daemon will do
      if (error.code() != Errc::unavailable || next == choice.others.end()) throw;
      say("warning: " + error.message());
    }
    choice.address = *next;
  }
}

std::unique_ptr<engine::Engine> Run::reach(const engine::EngineChoice& choice) {
  engine_kind_ = choice.kind;
  engine::BuildContext context{.build = parts_.id,
                               .work = files_.work,
                               .cache = parts_.layout.cache(),
                               .logins = parts_.layout.registry_logins(),
                               .registries = registries_,
                               .limits = parts_.settings.limits,
                               .since = began_,
                               .secrets = parts_.secrets,
                               .digests = &source_.digests()};
  if (choice.kind == engine::EngineKind::buildah) {
    context.cgroup_parent = containment_->parent_path();
    context.cgroups = containment_->join_folders();
    context.run_limits = containment_->unkept();
  } else if (engine::may_run_on_this_host(choice)) {
    if (const process::Cgroup* lent = containment_->lend(parts_.app)) {
      context.cgroup_parent = lent->parent_path();
      context.cgroups = lent->join_folders();
    }
  }
  return parts_.make_engine(choice, std::move(context));
}

/// What the engine can't do is said before anything is built.
void Run::check_engine() const {
  const process::Limits& limits = parts_.settings.limits;
  if (limits.any() && engine_->keeps_limits() == engine::KeepsLimits::no) {
    say("warning: " + process::not_enforced(limits) +
        ": RUN instructions are run by the daemon of " + engine_->name());
  }
  const std::string& platform = parts_.request.platform;
  if (platform.empty()) return;
  const auto runs = std::ranges::find_if(
      plan_.images, [](const engine::ImageRequest& image) { return !image.first_run.empty(); });
  if (runs == plan_.images.end()) return;
  const std::vector<std::string> platforms = engine_->platforms();
  if (std::ranges::find(platforms, platform) != platforms.end()) return;
  throw Error(Errc::invalid,
              "service " + runs->service + ": " + runs->first_run + ": " + engine_->name() +
                  " can't run " + platform + " here, only " + join(platforms, ", "),
              "emulators are in the package qemu-user-static; a stage FROM "
              "--platform=$BUILDPLATFORM needs none");
}

unsigned Run::jobs_at_once() const {
  // A daemon runs steps on its own processors, as many at once as it likes, and of cached
  // ones we only wait for its answers.
  constexpr unsigned kOfADaemon = 4;
  unsigned usual = own_processors();
  if (engine_kind_ != engine::EngineKind::buildah) usual = std::max(usual, kOfADaemon);
  const unsigned asked = parts_.request.jobs != 0 ? parts_.request.jobs : usual;
  return std::max(1U, std::min(asked, static_cast<unsigned>(plan_.images.size())));
}

void Run::say_what_comes(unsigned jobs) {
  if (is_import()) {
    return say("Importing " + count_of(plan_.images.size(), "image") + " of " +
               printable(parts_.request.imported_from) + " for " +
               count_of(plan_.services.size(), "service") + " with " + engine_->name());
  }
  say("Building " + count_of(plan_.images.size(), "image") + " for " +
      count_of(plan_.services.size(), "service") + " with " + engine_->name() +
      (jobs > 1 ? ", " + std::to_string(jobs) + " at a time" : ""));
}

Outcome Run::judge() const {
  if (made_.failed) {
    const engine::ImageResult& image = made_.images[*made_.failed].result;
    return failed("service " + plan_.images[*made_.failed].service + ": " + image.reason +
                      memory_verdict(image),
                  image.exit_code != 0 ? image.exit_code : 1);
  }
  Outcome outcome{.status = Status::succeeded, .exit_code = 0};
  for (const PlannedService& service : plan_.services) {
    const auto& [image, origin, unchanged_since, steps] = made_.images[service.image];
    if (image.end != engine::ImageResult::End::made) {
      return canceled();
    }
    // Somebody's own `rmi` heeds no lock of ours (store::lock_images).
    if (!unchanged_since.empty() && !engine_->base_digest(service.reference)) {
      return failed("service " + service.name.str() + ": its image of build " + unchanged_since +
                    " was removed meanwhile; build again");
    }
    outcome.images[service.name.str()] = service.reference + "@" + image.digest;
    if (!unchanged_since.empty()) outcome.unchanged[service.name.str()] = unchanged_since;
  }
  return outcome;
}

/// The build does not fail for want of a statement.
void Run::keep_statement(const Outcome& outcome) const {
  try {
    if (is_import() && keep_imported_statement(parts_.layout, parts_.app, parts_.id)) return;
    std::string source = parts_.request.archive;
    if (source.empty() && !is_import()) source = digest_of_file(files_.source);
    ProvenanceFacts facts{.app = parts_.app,
                          .id = parts_.id,
                          .request = parts_.request,
                          .plan = plan_,
                          .outcome = outcome,
                          .engine = engine_ ? engine_->name() : "",
                          .source = std::move(source),
                          .started = began_,
                          .finished = now()};
    facts.images.resize(plan_.images.size());
    for (std::size_t i = 0; i < made_.images.size(); ++i) {
      const auto& [image, origin, unchanged_since, steps] = made_.images[i];
      facts.images[i] = {.digest = image.digest,
                         .made_by = unchanged_since.empty() ? parts_.id.str() : unchanged_since,
                         .origin = origin};
    }
    write_file_durably(files_.statement, to_statement(facts), parts_.layout.log_mode());
  } catch (const Error& error) {  // boundary: see above
    try {
      say(std::string("warning: no provenance was kept: ") + error.what());
    } catch (const Error&) {  // boundary: a full disk; the record tells the rest
    }
  }
}

/// The engine's reason says that the kernel killed for memory: this, whose limit that was.
std::string Run::memory_verdict(const engine::ImageResult& image) const {
  if (!image.out_of_memory) return "";
  if (parts_.settings.limits.memory == 0) return " on this host";
  return ": it needs more than " + human_bytes(parts_.settings.limits.memory) +
         " (property memory)";
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
  containment_->end_all();
  if (outcome.status != Status::succeeded && engine_) {
    attempt([&] { engine_->clean_up(); });
    attempt([&] {
      std::vector<std::string> tags;
      for (const PlannedService& service : plan_.services) tags.push_back(service.reference);
      // Whoever canceled the build waits for it to end.
      constexpr std::chrono::seconds kPatience{10};
      store::remove_each(parts_.layout, tags, {.patience = kPatience},
                         [this](const std::string& tag) { engine_->remove_images({tag}); });
    });
  }
  containment_->remove();
  attempt([&] { source_.keep(); });
  attempt([&] { remove_tree(files_.work); });
  attempt([&] { steps_.sync(); });
}

}  // namespace cooper::build
