// 64 processes change one data root at once: insert, finalize, cancel, pin, prune,
// rename apps and read. Then what was reported to any of them must hold. For 20 seconds, or
// COOPER_CROWD_SECONDS.

#include "base/error.h"
#include "build/prune.h"
#include "store/file_store.h"
#include "unit/test_support.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

using namespace cooper;

constexpr std::size_t kProcesses = 64;
constexpr std::size_t kMaxBuilds = 200'000;
constexpr std::size_t kKept = 20;
constexpr std::array kAppNames = {"one", "two", "three", "four"};

/// What was reported about a build, by whoever it was reported to.
struct Told {
  std::atomic<std::int64_t> started;  ///< nanoseconds; 0: it was not inserted
  std::atomic<unsigned> won;          ///< finalized, or reaped
  std::atomic<unsigned> removed;
  std::atomic<unsigned> pinned;
};

/// In memory that all processes share.
struct Ledger {
  std::atomic<std::size_t> next;
  std::atomic<std::size_t> calls;
  std::atomic<std::size_t> busy;  ///< gave up waiting for a lock
  std::atomic<std::size_t> broken;
  std::array<std::atomic<unsigned>, kAppNames.size()> renames;  ///< of each app
  std::array<Told, kMaxBuilds> builds;
};

/// What the app of a build is called after so many renames.
AppName app_of(std::size_t index, unsigned renames) {
  return AppName::parse(std::string(kAppNames[index % kAppNames.size()]) + "-" +
                        std::to_string(renames))
      .value();
}

BuildId id_of(std::size_t index) { return BuildId::parse("b" + std::to_string(index)).value(); }
std::size_t index_of(const BuildId& id) { return std::stoul(id.str().substr(1)); }

void require(Ledger& ledger, bool holds, const std::string& promise) {
  if (holds) return;
  ++ledger.broken;
  std::fprintf(stderr, "broken: %s\n", promise.c_str());
}

/// One process of the crowd.
class Member {
 public:
  Member(Ledger& ledger, const std::filesystem::path& root, unsigned seed)
      : ledger_(ledger), store_(store::Layout(root)), random_(seed) {}

  void run(std::chrono::seconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) {
      try {
        act();
        ++ledger_.calls;
      } catch (const Error& error) {  // boundary: what others did meanwhile is no failure
        if (error.code() == Errc::unavailable) {
          ++ledger_.busy;
        } else {
          require(ledger_, error.code() == Errc::not_found, error.message());
        }
      }
    }
  }

 private:
  std::size_t pick(std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_);
  }

  /// By the name that the app has now, which it may lose at any moment.
  AppName app_of(std::size_t index) const {
    return ::app_of(index, ledger_.renames[index % kAppNames.size()]);
  }

  void act() {
    if (pick(150) == 0) return rename(pick(kAppNames.size()));
    const std::size_t what = pick(100);
    if (what < 35) return insert();
    const std::size_t made = ledger_.next;
    if (made == 0) return;
    // Recent ones, so that several processes meet at the same build.
    const std::size_t index = made - 1 - pick(std::min<std::size_t>(made, 200));
    if (what < 60) return end(index, Status::succeeded);
    if (what < 75) return end(index, Status::canceled);
    if (what < 80) return pin(index);
    if (what < 88) return prune(app_of(index));
    if (what < 94) return list(app_of(index));
    const auto found = store_.find_build(app_of(index), id_of(index));
    require(ledger_, !found || found->id == id_of(index), "a record is whole");
  }

  void rename(std::size_t app) {
    unsigned renames = ledger_.renames[app];
    for (const std::string& left :
         store_.rename_app(::app_of(app, renames), ::app_of(app, renames + 1))) {
      require(ledger_, false, "a rename moves everything: " + left);
    }
    ledger_.renames[app].compare_exchange_strong(renames, renames + 1);
  }

  void insert() {
    const std::size_t index = ledger_.next++;
    if (index >= kMaxBuilds) std::abort();
    const Time started = now();
    store_.insert_build({.id = id_of(index),
                         .app = app_of(index),
                         .pid = ::getppid(),
                         .started_at = {started},
                         .description = std::string(pick(3000), 'd')});
    ledger_.builds[index].started = started.time_since_epoch().count();
  }

  void end(std::size_t index, Status status) {
    const store::Finalized finalized =
        store_.finalize_build(app_of(index), id_of(index), {.status = status}, now());
    require(ledger_, is_terminal(finalized.build.status), "a finalized build has ended");
    if (finalized.won) ++ledger_.builds[index].won;
  }

  void pin(std::size_t index) {
    store_.change_build(app_of(index), id_of(index), [](Build& build) { build.pinned = true; });
    ++ledger_.builds[index].pinned;
  }

  void prune(const AppName& app) {
    const Pruned pruned = build::prune(store_, app, {.retention = {.count = kKept}});
    for (const BuildId& id : pruned.reaped) ++ledger_.builds[index_of(id)].won;
    for (const RemovedBuild& build : pruned.removed) ++ledger_.builds[index_of(build.id)].removed;
    for (const std::string& warning : pruned.warnings) {
      const bool busy = warning.find("locked by another process") != std::string::npos;
      require(ledger_, busy, "a prune has nothing to warn of: " + warning);
    }
  }

  void list(const AppName& app) {
    for (const std::string& warning : store_.list_builds(app, 0).warnings) {
      require(ledger_, false, "every record can be read: " + warning);
    }
  }

  Ledger& ledger_;
  store::FileStore store_;
  std::mt19937 random_;
};

/// By any name that its app ever had.
std::optional<Build> find(const Ledger& ledger, const store::FileStore& store, std::size_t index) {
  for (unsigned renames = 0; renames <= ledger.renames[index % kAppNames.size()]; ++renames) {
    if (auto found = store.find_build(app_of(index, renames), id_of(index))) return found;
  }
  return std::nullopt;
}

/// What a process knew about a build, against what is there.
void check_build(Ledger& ledger, const store::FileStore& store, std::size_t index) {
  const Told& told = ledger.builds[index];
  if (told.started == 0) return;
  const std::string name = id_of(index).str();
  require(ledger, told.won <= 1, name + " ended once");
  if (const auto found = find(ledger, store, index)) {
    require(ledger, is_terminal(found->status) == (told.won == 1), name + " is as reported");
    require(ledger, found->pinned == (told.pinned != 0), name + " is pinned as reported");
    return;
  }
  require(ledger, told.removed != 0 && told.won == 1, name + " was not lost");
  require(ledger, told.pinned == 0, name + " was pinned, and is gone");
  std::size_t newer = 0;
  for (std::size_t other = index % kAppNames.size(); other < ledger.next;
       other += kAppNames.size()) {
    const Told& its = ledger.builds[other];
    if (its.started >= told.started && other != index && its.won == 1) ++newer;
  }
  require(ledger, newer >= kKept, name + " was within retention");
}

void check_files(Ledger& ledger, const std::filesystem::path& root) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    const std::string name = entry.path().filename().string();
    require(ledger, !name.starts_with(kTemporaryPrefix), "no temporary file is left: " + name);
  }
}

}  // namespace

int main() {
  const char* given = std::getenv("COOPER_CROWD_SECONDS");
  const std::chrono::seconds time{given ? std::atoi(given) : 20};
  const TempFolder folder;
  void* memory =
      ::mmap(nullptr, sizeof(Ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  auto& ledger = *static_cast<Ledger*>(memory);  // zeros: nothing happened yet
  store::FileStore store{store::Layout(folder.path())};
  for (unsigned i = 0; i < kProcesses; ++i) {
    if (::fork() != 0) continue;
    Member(ledger, folder.path(), i).run(time);
    ::_exit(0);
  }
  int status = 0;
  while (::wait(&status) > 0) require(ledger, status == 0, "every process ends well");

  std::size_t left = 0;
  for (std::size_t index = 0; index < ledger.next; ++index) {
    check_build(ledger, store, index);
    if (find(ledger, store, index)) ++left;
  }
  for (std::size_t i = 0; i < kAppNames.size(); ++i) {
    for (unsigned renames = 0; renames <= ledger.renames[i]; ++renames) {
      build::prune(store, app_of(i, renames), {.retention = {.count = kKept}});
    }
  }
  check_files(ledger, folder.path());
  unsigned renames = 0;
  for (const auto& of_app : ledger.renames) renames += of_app;
  std::printf(
      "%zu builds, %zu calls, %u renames, %zu gave up waiting, %zu records left, %zu promises "
      "broken\n",
      ledger.next.load(), ledger.calls.load(), renames, ledger.busy.load(), left,
      ledger.broken.load());
  return ledger.broken == 0 && ledger.calls > kProcesses ? 0 : 1;
}
