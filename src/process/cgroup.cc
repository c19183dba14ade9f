#include "process/cgroup.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace cooper::process {
namespace fs = std::filesystem;

namespace {

const fs::path kMount = "/sys/fs/cgroup";

bool is_folder(const fs::path& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

/// Control files answer errors on write, never on close: one write says it all.
bool write_control(const fs::path& file, std::string_view text) {
  const Fd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

std::string read_control(const fs::path& file) {
  try {
    return read_file(file).value_or("");
  } catch (const Error&) {  // adapter: a group that vanishes under us holds nothing
    return {};
  }
}

/// The hierarchies that hold our groups, topmost folder each.
std::vector<fs::path> hierarchies() {
  if (::access((kMount / "cgroup.controllers").c_str(), F_OK) == 0) return {kMount};
  std::vector<fs::path> found;
  for (const char* controller : {"memory", "cpu", "freezer"}) {
    if (is_folder(kMount / controller)) found.push_back(kMount / controller);
  }
  return found;
}

bool make_group(const fs::path& folder) {
  return ::mkdir(folder.c_str(), 0755) == 0 || errno == EEXIST;
}

/// A counter by name from a "key value" file.
std::uint64_t counter(const fs::path& file, std::string_view key) {
  const std::string text = read_control(file);
  for (const std::string_view line : split(text, '\n')) {
    const auto words = split(line, ' ');
    if (words.size() == 2 && words[0] == key) return parse_number(words[1]).value_or(0);
  }
  return 0;
}

/// The group and all groups beneath it, deepest first.
void collect_groups(const fs::path& folder, std::vector<fs::path>& groups) {
  try {
    for (const std::string& name : list_folder(folder)) {
      if (is_folder(folder / name)) collect_groups(folder / name, groups);
    }
  } catch (const Error&) {  // adapter: it vanished, and what it held with it
  }
  groups.push_back(folder);
}

std::vector<fs::path> groups_beneath(const std::vector<fs::path>& folders) {
  std::vector<fs::path> groups;
  for (const fs::path& folder : folders) {
    if (is_folder(folder)) collect_groups(folder, groups);
  }
  return groups;
}

}  // namespace

std::string not_enforced(const Limits& limits) {
  const std::string memory = "the memory limit of " + human_bytes(limits.memory);
  std::string cpus = std::to_string(limits.cpus / 1000);
  if (limits.cpus % 1000 != 0) {
    cpus += "." + std::to_string(1000 + limits.cpus % 1000).substr(1);
    cpus.erase(cpus.find_last_not_of('0') + 1);
  }
  cpus = "the limit of " + cpus + " CPUs";
  if (limits.cpus == 0) return memory + " is not enforced";
  if (limits.memory == 0) return cpus + " is not enforced";
  return memory + " and " + cpus + " are not enforced";
}

std::uint64_t cpu_quota(std::uint32_t cpus) { return std::uint64_t{cpus} * 100; }

void Cgroup::make(const Limits& limits) {
  const bool unified = hierarchies() == std::vector<fs::path>{kMount};
  unkept_ = limits;
  for (const fs::path& hierarchy : hierarchies()) {
    const bool memory = unified || hierarchy.filename() == "memory";
    const bool cpu = unified || hierarchy.filename() == "cpu";
    const fs::path ours = hierarchy / "cooper";
    const fs::path folder = ours / name_;
    // Each hierarchy that a process joins costs it some 10 ms.
    const bool needed = unified || (memory && limits.memory != 0) || (cpu && limits.cpus != 0) ||
                        !(memory || cpu) || is_folder(folder);
    if (!needed) continue;
    const auto enable = [&](const fs::path& group) {
      if (!unified) return;
      write_control(group / "cgroup.subtree_control", "+memory");
      if (limits.cpus != 0) write_control(group / "cgroup.subtree_control", "+cpu");
    };
    enable(hierarchy);
    if (!make_group(ours)) continue;
    enable(ours);
    if (!make_group(folder) || !make_group(folder / "engine")) continue;
    // What has no limit now may have had one before.
    const std::string none = unified ? "max" : "-1";
    const std::string quota = std::to_string(cpu_quota(limits.cpus));
    const fs::path memory_file = folder / (unified ? "memory.max" : "memory.limit_in_bytes");
    const fs::path cpu_file = folder / (unified ? "cpu.max" : "cpu.cfs_quota_us");
    if (memory &&
        write_control(memory_file, limits.memory == 0 ? none : std::to_string(limits.memory))) {
      unkept_.memory = 0;
    }
    if (cpu &&
        write_control(cpu_file, limits.cpus == 0 ? none : quota + (unified ? " 100000" : ""))) {
      unkept_.cpus = 0;
    }
    folders_.push_back(folder);
    join_folders_.push_back(folder / "engine");
  }
}

std::optional<Cgroup> Cgroup::create(const std::string& name, const Limits& limits) {
  Cgroup group(name);
  group.make(limits);
  if (group.folders_.empty()) return std::nullopt;
  return group;
}

std::optional<Cgroup> Cgroup::claim(const std::string& name, const Limits& limits) {
  Cgroup group(name);
  const std::vector<fs::path> all = hierarchies();
  if (all.empty() || !make_group(all.back() / "cooper") ||
      !make_group(all.back() / "cooper" / name)) {
    return std::nullopt;
  }
  // The last is the one that every group is in.
  group.claim_ = Fd(::open((all.back() / "cooper" / name).c_str(), O_RDONLY | O_CLOEXEC));
  if (!group.claim_ || ::flock(group.claim_.get(), LOCK_EX | LOCK_NB) != 0) return std::nullopt;
  group.make(limits);
  // What earlier ones left beneath it would look like what joins it now.
  const std::optional<Cgroup> everywhere = find(name);
  for (const fs::path& folder : everywhere ? everywhere->folders_ : group.folders_) {
    for (const fs::path& left : groups_beneath({folder})) {
      if (left != folder && left != folder / "engine") ::rmdir(left.c_str());
    }
  }
  if (group.folders_.empty()) return std::nullopt;
  return group;
}

std::optional<Cgroup> Cgroup::find(const std::string& name) {
  Cgroup group(name);
  // The engine's runtime makes groups in every hierarchy there is, v2 beside v1 too.
  std::vector<fs::path> all = {kMount};
  for (const std::string& child : list_folder(kMount)) all.push_back(kMount / child);
  for (const fs::path& hierarchy : all) {
    if (is_folder(hierarchy / "cooper" / name))
      group.folders_.push_back(hierarchy / "cooper" / name);
  }
  if (group.folders_.empty()) return std::nullopt;
  return group;
}

bool Cgroup::kill_all() const {
  using namespace std::chrono_literals;
  const auto deadline = std::chrono::steady_clock::now() + 5s;
  for (;;) {
    bool alive = false;
    for (const fs::path& group : groups_beneath(folders_)) {
      const std::string pids = read_control(group / "cgroup.procs");
      for (const std::string_view line : split(pids, '\n')) {
        if (const auto pid = parse_number(line); pid && *pid != 0) {
          ::kill(static_cast<pid_t>(*pid), SIGKILL);
          alive = true;
        }
      }
    }
    if (!alive) return true;
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(2ms);
  }
}

namespace {

/// Where this process is in the hierarchy that is mounted at `hierarchy`; empty if
/// that can't be told.
fs::path own_group(const fs::path& hierarchy) {
  // "4:memory:/path" in v1, "0::/path" in v2: proc(5), cgroups(7).
  const std::string text = read_control("/proc/self/cgroup");
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const auto controllers = split(line.substr(first + 1, second - first - 1), ',');
    const std::string wanted = hierarchy == kMount ? "" : hierarchy.filename().string();
    if (std::ranges::find(controllers, wanted) == controllers.end()) continue;
    return hierarchy / fs::path(line.substr(second + 1)).relative_path();
  }
  return {};
}

}  // namespace

void Cgroup::let_go() const noexcept {
  try {
    for (const fs::path& engine : join_folders_) {
      const fs::path target = own_group(engine.parent_path().parent_path().parent_path());
      if (target.empty()) continue;
      constexpr int kTries = 100;  // some may fork meanwhile
      for (int i = 0; i < kTries; ++i) {
        const std::string pids = read_control(engine / "cgroup.procs");
        if (trim(pids).empty()) break;
        for (const std::string_view pid : split(trim(pids), '\n')) {
          write_control(target / "cgroup.procs", pid);
        }
      }
    }
  } catch (const std::exception&) {  // adapter: best effort by contract
  }
}

void Cgroup::remove() const noexcept {
  try {
    const std::optional<Cgroup> everywhere = find(name_);
    if (!everywhere) return;
    for (const fs::path& group : groups_beneath(everywhere->folders_)) ::rmdir(group.c_str());
  } catch (const std::exception&) {  // adapter: best effort by contract
  }
}

bool others_joined(const std::vector<fs::path>& join_folders) {
  return !join_folders.empty() && std::ranges::all_of(join_folders, [](const fs::path& engine) {
    const fs::path group = engine.parent_path();
    return std::ranges::any_of(list_folder(group), [&](const std::string& name) {
      return name != engine.filename() && is_folder(group / name);
    });
  });
}

std::uint64_t host_out_of_memory_kills() { return counter("/proc/vmstat", "oom_kill"); }

}  // namespace cooper::process
