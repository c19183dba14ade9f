#include "process/family.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"

#include <algorithm>
#include <csignal>
#include <set>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

namespace cooper::process {
namespace fs = std::filesystem;

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kLookEvery = 10ms;
constexpr auto kLongestKill = 5s;
/// For who writes the log to reach the end of its input.
constexpr auto kForTheLog = 5s;

/// Ourselves and our ancestors, and process 1.
std::vector<pid_t> spared_processes() {
  std::vector<pid_t> spared = {1};
  for (pid_t pid = ::getpid(); pid > 1;) {
    spared.push_back(pid);
    const auto facts = find_process(pid);
    pid = facts ? facts->parent : 0;
  }
  return spared;
}

bool has_open(pid_t pid, const fs::path& file) {
  struct stat wanted {};
  if (file.empty() || ::stat(file.c_str(), &wanted) != 0) return false;
  const fs::path folder = "/proc/" + std::to_string(pid) + "/fd";
  try {
    return std::ranges::any_of(list_folder(folder), [&](const std::string& name) {
      struct stat open_file {};
      return ::stat((folder / name).c_str(), &open_file) == 0 &&
             open_file.st_dev == wanted.st_dev && open_file.st_ino == wanted.st_ino;
    });
  } catch (const Error&) {  // adapter: it ended meanwhile, or is another user's
    return false;
  }
}

}  // namespace

Family::Family(pid_t head, std::string mark) : head_(head), mark_(std::move(mark)) {
  const auto facts = head > 1 ? find_process(head) : std::nullopt;
  if (!facts) {
    head_ = 0;
    return;
  }
  with_group_ = facts->group == head && ::getpgrp() != head;
  add(*facts, spared_processes());
}

void Family::add(const ProcessFacts& facts, const std::vector<pid_t>& spared) {
  const bool spare = std::ranges::find(spared, facts.pid) != spared.end();
  members_.insert_or_assign(facts.pid, Member{.started = facts.started, .spared = spare});
}

/// Besides by descent.
bool Family::belongs(const ProcessFacts& facts) const {
  if (mark_.empty()) return false;
  const std::string environment = read_of_process(facts.pid, "environ");
  const auto entries = split(environment, '\0');
  return std::ranges::find(entries, mark_) != entries.end();
}

std::vector<pid_t> Family::look() {
  const std::vector<ProcessFacts> all = list_processes();
  const std::vector<pid_t> spared = spared_processes();
  std::map<pid_t, Member> before = std::exchange(members_, {});
  bool group_lives = false;  // only then its number can't be another's by now
  for (const ProcessFacts& facts : all) {
    const auto known = before.find(facts.pid);
    if (!facts.lives || known == before.end() || known->second.started != facts.started) continue;
    add(facts, spared);
    group_lives = group_lives || facts.group == head_;
  }
  for (const ProcessFacts& facts : all) {
    if (!facts.lives || facts.pid == 1 || members_.contains(facts.pid)) continue;
    const bool in_group = with_group_ && group_lives && facts.group == head_;
    if (in_group || belongs(facts)) add(facts, spared);
  }
  for (bool more = true; more;) {
    more = false;
    for (const ProcessFacts& facts : all) {
      if (!facts.lives || members_.contains(facts.pid) || !members_.contains(facts.parent))
        continue;
      add(facts, spared);
      more = true;
    }
  }
  return select(Which::all, {});
}

std::vector<pid_t> Family::select(Which which, const fs::path& log) {
  const bool all_write_it = which == Which::all || head_writes_log_;
  std::vector<pid_t> selected;
  for (const auto& [pid, member] : members_) {
    if (member.spared || (!all_write_it && has_open(pid, log))) continue;
    selected.push_back(pid);
  }
  return selected;
}

void Family::signal(pid_t pid, int signal_number) const {
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) return;
  // From here on the descriptor means one process: is it the one that was seen?
  const auto facts = find_process(pid);
  const auto member = members_.find(pid);
  if (!facts || member == members_.end() || member->second.started != facts->started) return;
  ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal_number, nullptr, 0);
}

void Family::ask(const fs::path& log) {
  head_writes_log_ = head_ != 0 && has_open(head_, log);
  look();
  for (const pid_t pid : select(Which::without_log, log)) {
    const auto facts = find_process(pid);
    if (with_group_ && facts && facts->group == head_) signal(pid, SIGQUIT);
    signal(pid, SIGTERM);
    signal(pid, SIGCONT);  // a halted one would not hear it
  }
}

bool Family::wait(std::chrono::milliseconds limit, Which which, const fs::path& log) {
  const auto deadline = Clock::now() + limit;
  for (;;) {
    look();
    if (select(which, log).empty()) return true;
    if (Clock::now() > deadline) return false;
    std::this_thread::sleep_for(kLookEvery);
  }
}

void Family::kill(Which which, const fs::path& log) {
  const auto deadline = Clock::now() + kLongestKill;
  while (Clock::now() < deadline) {
    std::set<pid_t> halted;
    for (bool more = true; more && Clock::now() < deadline;) {
      more = false;
      look();
      for (const pid_t pid : select(which, log)) {
        if (!halted.insert(pid).second) continue;
        signal(pid, SIGSTOP);
        more = true;
      }
    }
    if (halted.empty()) return;
    for (const pid_t pid : halted) signal(pid, SIGKILL);
    std::this_thread::sleep_for(1ms);
  }
}

std::vector<pid_t> Family::end(std::chrono::milliseconds grace, const fs::path& log) {
  ask(log);
  if (!wait(grace, Which::without_log, log)) kill(Which::without_log, log);
  if (!wait(kForTheLog, Which::all, {})) kill(Which::all, {});
  return look();
}

}  // namespace cooper::process
