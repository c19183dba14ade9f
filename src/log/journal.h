#pragma once
// What the system's journal still knows of a build whose log file is missing.

#include <stop_token>
#include <string>

namespace cooper::log {

/// How syslog and the journal name a build's lines: `<prefix><build id>`.
struct SyslogTag {
  std::string prefix;  ///< "dokku-"
  std::string build;   ///< the build's id
  std::string text() const { return prefix + build; }
};

/// The newest 1,000 lines that the journal holds for a build, each as it was
/// printed; empty if it holds none. At most 64 MiB.
///
/// Asks journalctl(1). Throws Error{not_found} if there is no such program;
/// Error{unavailable} if it fails or takes longer than 30 s; Error{canceled}.
std::string read_journal(const SyslogTag& tag, std::stop_token stop);

}  // namespace cooper::log
