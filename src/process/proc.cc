#include "process/proc.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

namespace cooper::process {

std::string read_of_process(pid_t pid, const char* file) {
  try {
    return read_file("/proc/" + std::to_string(pid) + "/" + file).value_or("");
  } catch (const Error&) {  // adapter: it ended while we read, or is another user's
    return {};
  }
}

std::optional<ProcessFacts> find_process(pid_t pid) {
  if (pid <= 0) return std::nullopt;
  // "pid (comm) state ppid pgrp ...": comm may hold anything, also `)`.
  const std::string stat = read_of_process(pid, "stat");
  const std::size_t comm_end = stat.rfind(')');
  if (comm_end == std::string::npos || comm_end + 2 >= stat.size()) return std::nullopt;
  const auto fields = split(std::string_view(stat).substr(comm_end + 2), ' ');
  // proc(5) counts from 1, and from the pid.
  const auto number = [&](std::size_t field) { return parse_number(fields[field - 3]); };
  constexpr std::size_t kStartTime = 22;
  if (fields.size() <= kStartTime - 3) return std::nullopt;
  const auto parent = number(4);
  const auto group = number(5);
  const auto threads = number(20);
  const auto started = number(kStartTime);
  if (!parent || !group || !started) return std::nullopt;
  // One whose first thread has ended is a zombie by its letter while others run.
  const bool ended = fields[0] == "Z" || fields[0] == "X";
  return ProcessFacts{.pid = pid,
                      .parent = static_cast<pid_t>(*parent),
                      .group = static_cast<pid_t>(*group),
                      .started = *started,
                      .lives = !ended || threads.value_or(0) > 1};
}

std::vector<ProcessFacts> list_processes() {
  std::vector<ProcessFacts> all;
  for (const std::string& name : list_folder("/proc")) {
    const auto pid = parse_number(name);
    if (!pid) continue;
    if (auto facts = find_process(static_cast<pid_t>(*pid))) all.push_back(*facts);
  }
  return all;
}

}  // namespace cooper::process
