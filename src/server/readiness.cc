#include "server/readiness.h"

#include "base/error.h"
#include "base/text.h"
#include "build/settings.h"
#include "server/body.h"
#include "server/log_line.h"

#include <algorithm>
#include <sys/statvfs.h>

namespace cooper::server {

namespace {

constexpr std::chrono::seconds kFresh{2};

/// What `look` throws is told on stderr, with all that it says.
template <class Look>
Check check(std::string_view name, const char* problem, Look look) {
  Check made{.name = name, .problem = {}};
  try {
    look();
  } catch (const Error& error) {  // boundary: one check
    log_error(std::string(problem) + ": " + error.what());
    made.problem = problem;
  }
  return made;
}

}  // namespace

Readiness::Readiness(store::Layout layout, rack::Rack& rack)
    : store_(std::move(layout)), rack_(rack) {}

void Readiness::look() {
  checks_.clear();
  checks_.push_back(check("data-root", "the data root can't be written",
                          [&] { write_all(unnamed_file(store_.layout().uploads()).get(), "x"); }));
  checks_.push_back(check("records", "the records of builds can't be read", [&] {
    rack_.app_names();
    store_.query_builds({}, [](Build&&) { return false; });
  }));
  checks_.push_back(
      check("disk", "less disk space is free than the property disk-min asks for", [&] {
        std::vector<std::string> warnings;  // of properties, which `cooper builds settings` shows
        const std::uint64_t least = build::read_settings(store_, nullptr, warnings).disk_min;
        struct statvfs disk {};
        if (::statvfs(store_.layout().root().c_str(), &disk) != 0)
          throw_errno("ask for disk space");
        const std::uint64_t free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
        if (free < least) {
          throw Error(Errc::unavailable, human_bytes(free) + " of " + human_bytes(least));
        }
      }));
}

std::vector<Check> Readiness::checks() {
  const std::lock_guard lock(mutex_);
  const Clock::time_point time = Clock::now();
  if (!looked_ || time - *looked_ > kFresh) {
    look();
    looked_ = time;
  }
  return checks_;
}

}  // namespace cooper::server
