#include "plugin/run_commands.h"

#include "base/text.h"
#include "build/settings.h"
#include "log/follow.h"
#include "log/journal.h"
#include "log/terminal.h"
#include "store/deploy_lock.h"

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

namespace cooper::plugin {

namespace {

using store::DeployLock;

/// Which build "current" means, or what to say instead.
struct Current {
  std::optional<BuildId> id;
  std::string instead;
  bool failed = false;  ///< `instead` is an error
};

bool is_live(DisplayStatus status) {
  return status == DisplayStatus::running || status == DisplayStatus::queued;
}

/// The build that the app's deploy lock names if it runs; else the one that runs
/// without a lock; else what the lock names, whatever that is.
Current current_build(const Face& face, const AppName& app) {
  const DeployLock::View lock = DeployLock::look(face.store.layout(), app);
  const auto named = BuildId::parse(lock.text);
  if (named) {
    const auto view = find_view(face, app, *named);
    if (view && !is_terminal(view->build.status)) return {.id = *named};
  }
  const rack::BuildPage running = face.rack.find_builds(
      {.app = app, .statuses = {DisplayStatus::queued, DisplayStatus::running}});
  if (running.builds.size() == 1) return {.id = running.builds[0].build.id};
  if (running.builds.size() > 1) {
    std::string ids;
    for (const rack::BuildView& view : running.builds) ids += " " + view.build.id.str();
    return {.instead = "Several builds of " + app.str() + " are running, name one:" + ids,
            .failed = true};
  }
  // To Dokku the file alone is the lock. Ours stays when it is freed, with an old name in it.
  const bool locked = face.store.layout().is_dokkus() ? lock.file_exists : lock.held;
  if (!locked) return {.instead = "App not currently deploying"};
  if (named) return {.id = *named};
  return {.instead = "No matching app deploy found"};
}

/// The build that the words name; Error{invalid} if they can't name one.
Result<Current> chosen_build(const Face& face, const AppName& app, const std::string& word) {
  if (word.empty() || word == "current") return current_build(face, app);
  const auto id = BuildId::parse(word);
  if (!id) return Error(Errc::invalid, invalid_id(word));
  return Current{.id = *id};
}

int say(const Face& face, const Current& current) {
  if (current.failed) return refuse(face, current.instead);
  print_info(face, current.instead);
  return 0;
}

/// A log on its way to stdout; on a terminal it is made harmless.
class LogWriter {
 public:
  explicit LogWriter(const Face& face) : out_(face.out) {
    if (!out_.is_terminal()) return;
    const bool plain = !face.variable("NO_COLOR").empty();
    filter_.emplace(plain ? log::Colour::removed : log::Colour::kept);
  }
  void write(std::string_view bytes) { out_.write(filter_ ? filter_->filter(bytes) : bytes); }
  void finish() {
    if (filter_) out_.write(filter_->finish());
  }

 private:
  Output& out_;
  std::optional<log::TerminalFilter> filter_;
};

/// What a build that was followed to its end makes of the exit code.
int code_of(const rack::BuildView& ended) {
  if (ended.status == DisplayStatus::canceled) return exit_code(Errc::canceled);
  const int code = ended.build.exit_code.value_or(ended.status == DisplayStatus::succeeded ? 0 : 1);
  return code < 0 || code > 255 ? 1 : code;
}

int follow(const Face& face, const AppName& app, const BuildId& id) {
  LogWriter writer(face);
  std::stop_source reader_gone;
  const auto sink = [&](std::string_view bytes) {
    writer.write(bytes);
    if (face.out.closed()) reader_gone.request_stop();
  };
  face.rack.follow_log(app, id, 0, sink, reader_gone.get_token());
  writer.finish();
  const auto ended = find_view(face, app, id);
  return face.out.closed() || !ended ? 0 : code_of(*ended);
}

/// What syslog and the journal still hold of a build that has no log file.
int show_journal(const Face& face, const AppName& app, const BuildId& id, bool has_record) {
  std::string lines;
  try {
    std::vector<std::string> warnings;
    const build::Settings settings = build::read_settings(face.store, app, warnings);
    lines = log::read_journal({.prefix = settings.syslog_prefix, .build = id.str()}, {});
  } catch (const Error& error) {  // adapter: no journalctl, said in Dokku's words
    if (error.code() != Errc::not_found) throw;
    return refuse(face, "log file missing and journalctl not available for build " + id.str());
  }
  if (lines.empty() && !has_record) return refuse(face, no_record(app, id));
  LogWriter writer(face);
  writer.write(lines);
  writer.finish();
  return 0;
}

/// The whole log of a build that does not run; also of one without a record.
int show_log(const Face& face, const AppName& app, const BuildId& id, bool has_record) {
  const std::filesystem::path log = face.store.layout().build(app, id).log;
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(std::filesystem::symlink_status(log, ignored))) {
    return show_journal(face, app, id, has_record);
  }
  LogWriter writer(face);
  log::Follower follower(log, {}, [] { return log::FollowState::ended; });
  follower.run([&](std::string_view bytes) { writer.write(bytes); }, {});
  writer.finish();
  return 0;
}

}  // namespace

int show_output(const Face& face, const Parsed& parsed) {
  const Result<AppName> app = existing_app(face, parsed.word(0));
  if (!app) return refuse(face, app.error());
  const Result<Current> chosen = chosen_build(face, *app, parsed.word(1));
  if (!chosen) return refuse(face, chosen.error());
  if (!chosen->id) return say(face, *chosen);
  try {
    const auto view = find_view(face, *app, *chosen->id);
    if (view && is_live(view->status)) return follow(face, *app, *chosen->id);
    return show_log(face, *app, *chosen->id, view.has_value());
  } catch (const Error& error) {  // adapter: its log may be all that is left of it
    if (error.code() != Errc::corrupt) throw;
    print_warning(face, error.message());
    return show_log(face, *app, *chosen->id, true);
  }
}

namespace {

/// The lock's file names a build of which there is no record.
int cancel_without_record(const Face& face, const AppName& app, const BuildId& id) {
  const bool removed = DeployLock::remove_stale(face.store.layout(), app);
  print_info(face, "No build record for " + id.str() +
                       (removed ? ", removing stale lock file"
                                : ", but its deploy lock is held: leaving both alone"));
  return 0;
}

int say_no_longer_running(const Face& face, const Build& build) {
  print_info(face, "Build " + build.id.str() + " is no longer running (status=" +
                       std::string(to_string(build.status)) + "); leaving record untouched");
  return 0;
}

}  // namespace

int cancel_build(const Face& face, const Parsed& parsed) {
  const Result<AppName> app = existing_app(face, parsed.word(0));
  if (!app) return refuse(face, app.error());
  const bool by_id = !parsed.word(1).empty() && parsed.word(1) != "current";
  const Result<Current> chosen = chosen_build(face, *app, parsed.word(1));
  if (!chosen) return refuse(face, chosen.error());
  if (!chosen->id) return say(face, *chosen);
  const auto view = find_view(face, *app, *chosen->id);
  if (!view) {
    return by_id ? refuse(face, no_record(*app, *chosen->id))
                 : cancel_without_record(face, *app, *chosen->id);
  }
  if (is_terminal(view->build.status)) return say_no_longer_running(face, view->build);
  print_info(face, is_live(view->status) ? "Killing app deploy"
                                         : "Build was already terminated, marking failed");
  const rack::BuildView after = face.rack.cancel_build(*app, *chosen->id);
  if (after.status == DisplayStatus::succeeded) return say_no_longer_running(face, after.build);
  // A holder that was killed leaves the file; with Dokku's own a file means locked.
  DeployLock::remove_stale(face.store.layout(), *app);
  return 0;
}

int say_whether_locked(const Face& face, const Parsed& parsed) {
  const Result<AppName> app = existing_app(face, parsed.word(0));
  if (!app) return refuse(face, app.error());
  if (!DeployLock::look(face.store.layout(), *app).held) {
    return refuse(face, "Deploy lock does not exist");
  }
  face.out.write("Deploy lock exists\n");
  return 0;
}

int unlock_app(const Face& face, const Parsed& parsed) {
  const Result<AppName> app = existing_app(face, parsed.word(0));
  if (!app) return refuse(face, app.error());
  if (DeployLock::remove_stale(face.store.layout(), *app)) {
    print_info(face, "Deploy lock removed.");
    return 0;
  }
  const std::string holder = DeployLock::look(face.store.layout(), *app).text;
  return refuse(face, "The deploy lock of " + app->str() + " is held by " +
                          (holder.empty() ? "a running deploy" : "the running build " + holder) +
                          "; end it first: builds:cancel " + app->str());
}

}  // namespace cooper::plugin
