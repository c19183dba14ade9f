#pragma once
// The processes of one build: where they are put so that they can be found again,
// and how all of them are ended.

#include "build/settings.h"
#include "model/names.h"
#include "process/cgroup.h"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace cooper::build {

/// What every process that a build starts has in its environment, with Dokku as with
/// us: "DOKKU_BUILD_ID=<id>".
std::string mark_of(const BuildId& id);

/// A control group where one can be made; besides, the supervisor is the subreaper
/// of all that it starts. Used by the supervisor, which has started nothing before.
class Containment {
 public:
  /// `say` gets lines for the log: that a limit can't be kept, what can't be ended.
  Containment(const BuildId& id, const Settings& settings,
              std::function<void(const std::string&)> say);

  /// "/cooper/<id>" for an engine that makes groups of its own; empty: no group.
  std::string parent_path() const { return group_ ? group_->parent_path() : ""; }
  /// What a child joins (see process::Command::cgroups).
  std::vector<std::filesystem::path> join_folders() const;
  /// What of the limits no group keeps.
  process::Limits unkept() const { return group_ ? group_->unkept() : limits_; }

  /// A group for what a daemon on this host runs for us, limited as ours is. All builds
  /// of an app, on any host, call it the same, one at a time: a RUN's group is among
  /// what BuildKit's cache tells steps by. nullptr where none can be had or no limit is
  /// asked for; never ended or let go, since its processes are the daemon's.
  const process::Cgroup* lend(const AppName& app);

  /// Kills and reaps all of them, whatever they do against it. Call it when nobody
  /// waits for a child any more.
  void end_all() noexcept;
  /// Leaves what still runs to itself.
  void let_go() noexcept;
  /// Removes the groups, which must be empty by now. Best effort.
  void remove() noexcept;

 private:
  std::function<void(const std::string&)> say_;
  process::Limits limits_;
  std::optional<process::Cgroup> group_;
  std::optional<process::Cgroup> lent_;
};

}  // namespace cooper::build
