#include "log/journal.h"

#include "base/error.h"
#include "base/text.h"
#include "process/child.h"

#include <chrono>
#include <utility>

namespace cooper::log {

namespace {

process::Captured ask_journalctl(const SyslogTag& tag, std::stop_token stop) {
  // -a: lines in full, also long ones and those with escape sequences.
  const process::Command command{
      .argv = {"journalctl", "-n", "1000", "-a", "-o", "cat", "SYSLOG_IDENTIFIER=" + tag.text()},
      .environment = process::own_environment({"SYSTEMD_PAGER="})};
  try {
    return process::run(command, std::chrono::seconds(30), std::move(stop), std::size_t{64} << 20);
  } catch (const Error& error) {  // adapter: say what that means for the log
    if (error.code() != Errc::not_found) throw;
    throw Error(Errc::not_found,
                "log file missing and journalctl not available for build " + tag.build);
  }
}

}  // namespace

std::string read_journal(const SyslogTag& tag, std::stop_token stop) {
  process::Captured journal = ask_journalctl(tag, std::move(stop));
  if (journal.status.ok()) return std::move(journal.out);
  throw Error(Errc::unavailable, "log file missing and journalctl failed for build " + tag.build +
                                     ": " + shorten(trim(journal.err), 200));
}

}  // namespace cooper::log
