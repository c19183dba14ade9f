// LocalRack's verbs about logs.

#include "build/erase_log.h"
#include "build/prune.h"
#include "build/settings.h"
#include "log/follow.h"
#include "log/journal.h"
#include "rack/local_rack.h"

#include <filesystem>
#include <utility>

namespace cooper::rack {

namespace {

bool is_there(const std::filesystem::path& log) {
  std::error_code ignored;
  return std::filesystem::exists(std::filesystem::symlink_status(log, ignored));
}

/// nullopt: it is there, but can't be read.
std::optional<Build> readable(const std::function<std::optional<Build>()>& read) {
  try {
    return read();
  } catch (const Error& error) {  // adapter: its log may be all that is left of it
    if (error.code() != Errc::corrupt) throw;
    return std::nullopt;
  }
}

}  // namespace

void LocalRack::deliver_journal(const AppName& app, const BuildId& id,
                                const std::function<void(std::string_view)>& sink,
                                std::stop_token stop) {
  std::vector<std::string> warnings;
  const build::Settings settings = build::read_settings(store_, app, warnings);
  sink(log::read_journal({.prefix = settings.syslog_prefix, .build = id.str()}, std::move(stop)));
}

std::uint64_t LocalRack::follow_log(const AppName& app, const BuildId& id, std::uint64_t from,
                                    const std::function<void(std::string_view)>& sink,
                                    std::stop_token stop) {
  const auto first = readable([&] { return require_renamed_build(app, id); });
  AppName name = first ? first->app : app;
  bool delivered = false;
  std::optional<Build> last;
  const auto state = [&] {
    last = readable([&] { return find_build(name, id); });
    // Gone: pruned or deleted while we followed.
    const bool live = last && !is_terminal(last->status) && build::process_lives(*last);
    return live ? log::FollowState::live : log::FollowState::ended;
  };
  for (;;) {
    log::Follower follower(layout_.build(name, id).log, {.from = from}, state);
    from = follower.run(
        [&](std::string_view bytes) {
          delivered = true;
          sink(bytes);
        },
        stop);
    // A log that is open stays so when its app is renamed; one that was not yet is elsewhere now.
    if (delivered || stop.stop_requested() || !last || last->app == name) break;
    name = last->app;
  }
  // A log that was removed while it was followed has been delivered to its end.
  const bool missing = !delivered && !stop.stop_requested() &&
                       is_there(layout_.build(name, id).record) &&
                       !is_there(layout_.build(name, id).log);
  if (missing) deliver_journal(name, id, sink, std::move(stop));
  return from;
}

std::uint64_t LocalRack::read_log(const AppName& app, const BuildId& id, std::uint64_t from,
                                  const std::function<void(std::string_view)>& sink) {
  readable([&] { return require_build(app, id); });
  const std::filesystem::path log = layout_.build(app, id).log;
  if (!is_there(log)) {
    deliver_journal(app, id, sink, {});
    return from;
  }
  log::Follower follower(log, {.from = from}, [] { return log::FollowState::ended; });
  return follower.run(sink, {});
}

std::filesystem::path LocalRack::log_path(const AppName& app, const BuildId& id) {
  const auto build = readable([&] { return require_renamed_build(app, id); });
  return layout_.build(build ? build->app : app, id).log;
}

std::uint64_t LocalRack::log_tail(const AppName& app, const BuildId& id, std::uint64_t lines) {
  readable([&] { return require_build(app, id); });
  const std::filesystem::path log = layout_.build(app, id).log;
  return is_there(log) ? log::tail_offset(log, lines) : 0;
}

Build LocalRack::erase_log(const AppName& app, const BuildId& id, const std::string& who) {
  readable([&] { return require_build(app, id); });
  return build::erase_log(store_, app, id, who, now());
}

}  // namespace cooper::rack
