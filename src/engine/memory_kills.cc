#include "engine/memory_kills.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "process/cgroup.h"

#include <string>
#include <string_view>

namespace cooper::engine {

namespace {

std::string read_control(const std::filesystem::path& file) {
  try {
    return read_file(file).value_or("");
  } catch (const Error&) {  // adapter: a counter that can't be read has seen nothing
    return {};
  }
}

/// A counter by name from lines "key value"; 0 if it is not there.
std::uint64_t counter(std::string_view text, std::string_view key) {
  for (const std::string_view line : split(text, '\n')) {
    const auto words = split(line, ' ');
    if (words.size() == 2 && words[0] == key) return parse_number(words[1]).value_or(0);
  }
  return 0;
}

}  // namespace

MemoryWatch::MemoryWatch(const std::vector<std::filesystem::path>& cgroups) {
  for (const std::filesystem::path& joined : cgroups) {
    groups_.push_back(joined.parent_path());
    std::error_code ignored;
    unified_ = unified_ || std::filesystem::exists(groups_.back() / "memory.events", ignored);
  }
  before_ = read();
}

MemoryWatch::Counters MemoryWatch::read() const {
  Counters counters{.on_host = process::host_out_of_memory_kills()};
  for (const std::filesystem::path& group : groups_) {
    counters.in_group += counter(read_control(group / "memory.events"), "oom_kill");
    counters.limit_hits += parse_number(trim(read_control(group / "memory.failcnt"))).value_or(0);
  }
  return counters;
}

MemoryKills MemoryWatch::seen() const {
  const Counters now = read();
  if (now.in_group > before_.in_group) return MemoryKills::in_build;
  if (unified_ || now.on_host <= before_.on_host) return MemoryKills::none;
  return now.limit_hits > before_.limit_hits ? MemoryKills::in_build : MemoryKills::on_host;
}

}  // namespace cooper::engine
