#include "rack/local_rack.h"

#include "base/error.h"
#include "base/file.h"
#include "base/pause.h"
#include "base/text.h"
#include "build/app_containers.h"
#include "build/cancel.h"
#include "build/properties.h"
#include "build/prune.h"
#include "build/queue.h"
#include "build/unpacked_source.h"
#include "model/json.h"
#include "process/proc.h"
#include "rack/naming.h"
#include "source/url.h"
#include "store/app_lock.h"
#include "store/deploy_lock.h"

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <unistd.h>

namespace cooper::rack {

LocalRack::LocalRack(store::Layout layout, Caller caller)
    : layout_(layout),
      caller_(caller),
      store_(std::move(layout), caller == Caller::server ? store::FileStore::Memory::recent
                                                         : store::FileStore::Memory::none) {}

// Apps

App LocalRack::create_app(const AppName& name) { return store_.create_app(name); }
std::optional<App> LocalRack::find_app(const AppName& name) { return store_.find_app(name); }
App LocalRack::get_app(const AppName& name) { return require_app(name); }
std::vector<App> LocalRack::list_apps() { return store_.list_apps(); }
std::vector<AppName> LocalRack::app_names() { return store_.app_names(); }

store::DeployLock LocalRack::lock_idle(const AppName& app) {
  constexpr std::chrono::milliseconds kMoment{5000};
  constexpr std::chrono::milliseconds kLook{10};
  const auto deadline = std::chrono::steady_clock::now() + kMoment;
  for (;;) {
    if (auto lock = store::DeployLock::try_acquire(layout_, app)) return std::move(*lock);
    // A deploy whose record has ended holds it for a moment more.
    if (!running(app).empty() || std::chrono::steady_clock::now() >= deadline) {
      throw Error(Errc::conflict, "app " + app.str() + " is being deployed",
                  "wait, or cancel it: cooper builds cancel current -a " + app.str());
    }
    pause(kLook, {});
  }
}

void LocalRack::delete_app(const AppName& name) {
  require_app(name);
  const store::DeployLock lock = lock_idle(name);
  build::remove_containers(store_, name);
  const auto app = store::lock_app(store_, name, store::Holding::alone);
  if (!app) {
    require_app(name);
    throw Error(Errc::conflict, "app " + name.str() + " was deleted and made again meanwhile");
  }
  build::remove_builds(store_, name);
  build::forget_source(layout_, name);
  store_.delete_app(name);
}

App LocalRack::require_app(const AppName& name) const {
  if (auto app = store_.find_app(name)) return *app;
  std::vector<std::string> names;
  for (const App& app : store_.list_apps()) names.push_back(app.name.str());
  const auto near = nearest(name.str(), names);
  throw Error(Errc::not_found, "no such app: " + name.str(),
              near ? "did you mean \"" + *near + "\"?" : "`cooper apps` lists them");
}

// Builds

BuildView LocalRack::view(Build build) const {
  const bool lives = build.status == Status::running && build::process_lives(build);
  const DisplayStatus status = display_status(build, lives);
  return {std::move(build), status};
}

BuildId LocalRack::resolve_build(const AppName& app, std::string_view text,
                                 std::optional<Kind> kind) {
  // The whole id is the common case, and costs one read.
  try {
    if (const auto id = BuildId::parse(text); id && store_.find_build(app, *id)) return *id;
  } catch (const Error& error) {  // adapter: what can't be read has a name all the same
    if (error.code() != Errc::corrupt) throw;
    return BuildId::parse(text).value();
  }
  require_app(app);
  if (text == "current") {
    if (const auto builds = running(app); !builds.empty()) return builds[0].build.id;
    if (const auto queued = newest({.app = app, .statuses = {Status::queued}})) return queued->id;
    throw none_of(app, "no running build", "build");
  }
  if (text == "last" || text == "last-failed") {
    store::BuildQuery query{.app = app, .kind = kind};
    if (text == "last-failed") query.statuses = {Status::failed};
    if (const auto build = newest(query)) return build->id;
    throw none_of(app, text == "last" ? "no build" : "no failed build", "build");
  }
  return the_one_that_fits(store_.build_ids(app), app, text, "build");
}

Build LocalRack::require_build(const AppName& app, const BuildId& id) const {
  if (auto build = store_.find_build(app, id)) return *build;
  require_app(app);
  throw none_of(app, "no build " + id.str(), "build");
}

std::optional<Build> LocalRack::find_build(const AppName& app, const BuildId& id) const {
  if (auto build = store_.find_build(app, id)) return build;
  const auto now_called = store_.find_renamed(app, id);
  return now_called ? store_.find_build(*now_called, id) : std::nullopt;
}

Build LocalRack::require_renamed_build(const AppName& app, const BuildId& id) const {
  if (auto build = find_build(app, id)) return *build;
  return require_build(app, id);  // throws, in its words
}

BuildView LocalRack::get_build(const AppName& app, const BuildId& id) {
  std::vector<BuildView> one = {view(require_renamed_build(app, id))};
  find_places(one);
  return std::move(one[0]);
}

namespace {

/// More than a hundred thousand steps.
constexpr std::size_t kMaxStepsBytes = std::size_t{64} << 20;

}  // namespace

std::vector<Step> LocalRack::list_steps(const AppName& app, const BuildId& id) {
  require_build(app, id);
  std::vector<Step> steps;
  const std::filesystem::path file = layout_.build(app, id).steps;
  const Fd fd = find_regular_file(file, O_RDONLY);
  if (!fd) return {};
  const std::string text = read_open_file(fd, file.string(), kMaxStepsBytes);
  for (const std::string_view line : split(text, '\n')) {
    // A line that a crash cut short is the last one, and tells nothing.
    if (auto step = parse_step(line)) steps.push_back(std::move(*step));
  }
  return steps;
}

std::string LocalRack::provenance(const AppName& app, const BuildId& id) {
  const Build build = require_build(app, id);
  const std::filesystem::path file = layout_.build(app, id).statement;
  const Fd fd = find_regular_file(file, O_RDONLY);
  if (!fd) {
    throw Error(Errc::not_found, "build " + id.str() + " has no provenance",
                is_terminal(build.status) ? "only a `cooper build` that came to its own end has one"
                                          : "it is made when the build ends");
  }
  return read_open_file(fd, file.string(), kMaxStepsBytes);
}

build::BuildDiff LocalRack::diff_builds(const AppName& app, const BuildId& before,
                                        const BuildId& after) {
  return build::diff(store_, require_build(app, before), require_build(app, after),
                     list_steps(app, before), list_steps(app, after));
}

namespace {

/// A push's build is started by its hook, who ends it for one reason alone. (A server, who may be
/// the first process of a container, then is the parent of all whose own has ended.)
build::CancelFor reason_to_cancel(const Build& build, Caller caller) {
  const auto supervisor = process::find_process(static_cast<pid_t>(build.pid));
  const bool is_ours = caller == Caller::person && supervisor && supervisor->parent == ::getpid();
  return build.source == "git-hook" && is_ours ? build::CancelFor::pusher_left
                                               : build::CancelFor::asked;
}

}  // namespace

void LocalRack::request_cancel(const AppName& app, const BuildId& id) {
  const Build build = require_renamed_build(app, id);
  build::signal_cancel(store_, build, reason_to_cancel(build, caller_));
}

BuildView LocalRack::cancel_build(const AppName& app, const BuildId& id) {
  return view(build::cancel(store_, require_build(app, id)));
}

// Properties

std::vector<PropertyView> LocalRack::list_properties(const AppName* app) {
  if (app) require_app(*app);
  std::vector<PropertyView> views;
  for (const build::Property& property : build::properties()) {
    const PropertyKey key = PropertyKey::parse(property.key).value();
    PropertyView view{.key = key.str(), .value = store_.find_property(app, key).value_or("")};
    view.effect = !view.value.empty() ? view.value
                  : app               ? store_.find_property(nullptr, key).value_or("")
                                      : "";
    if (view.effect.empty()) view.effect = property.default_value;
    if (property.secrecy == build::Secrecy::secret) {
      if (!view.value.empty()) view.value = build::kHiddenValue;
      if (!view.effect.empty()) view.effect = build::kHiddenValue;
    } else {  // one that an older cooper has taken may have credentials
      view.value = source::hide_credentials(view.value);
      view.effect = source::hide_credentials(view.effect);
    }
    views.push_back(std::move(view));
  }
  return views;
}

void LocalRack::set_property(const AppName* app, std::string_view key,
                             const std::optional<std::string>& value) {
  if (app) require_app(*app);
  store_.set_property(app, build::check_property(key, value).value(), value);
  if (key == "concurrency") build::Queue(store_).wake();
}

}  // namespace cooper::rack
