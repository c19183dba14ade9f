#pragma once
// Who changed what, from where: lines that are only ever added (docs/formats.md, "Audit log").

#include "base/error.h"
#include "base/fd.h"
#include "base/time.h"
#include "store/layout.h"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::store {

/// What somebody did, or tried who had been let in; or what was refused before anybody was. They
/// are kept apart, so that no stranger's knocking pushes a change out of the log.
enum class AuditKind : std::uint8_t { change, refusal };

/// One line. Values of environments, secrets and tokens have no place in it.
struct AuditEntry {
  Timestamp at;
  AuditKind kind = AuditKind::change;  ///< which file it is in; no field of the line
  std::string who;     ///< a token's id, "local" for this host's commands; empty: nobody known
  std::string name;    ///< what they call themselves: a token's name, a user's
  std::string action;  ///< "POST /apps/{app}/builds", "tokens create", "login"
  std::string app;     ///< empty: of none, or of all
  std::map<std::string, std::string> about;  ///< what else the route's path names: "id", "key" ...
  std::string made;                          ///< id or name of what came of it
  int status = 0;                            ///< HTTP's; of a command 200
  std::string from;                          ///< the peer's address; empty: this host's command
  std::string request;                       ///< its id, as the answer and the server's log have it

  bool operator==(const AuditEntry&) const = default;
};

/// One line with its newline; texts are cut to 300 characters.
std::string to_json_line(const AuditEntry& entry);
/// Error{corrupt}.
[[nodiscard]] Result<AuditEntry> parse_audit_entry(std::string_view line, AuditKind kind);

/// How much is kept of a kind: `files` of about `bytes`, the oldest go.
struct AuditLimit {
  std::uint64_t bytes;
  unsigned files;
};

/// Files of `data/audit`, 0600. Safe to use from several threads and processes at once. All calls
/// may throw Error.
class AuditLog {
 public:
  using Limits = std::array<AuditLimit, 2>;  ///< by AuditKind
  static constexpr Limits kLimits = {AuditLimit{.bytes = 8 << 20, .files = 10},
                                     AuditLimit{.bytes = 2 << 20, .files = 5}};

  explicit AuditLog(Layout layout, Limits limits = kLimits)
      : layout_(std::move(layout)), limits_(limits) {}

  /// Adds a line, whole or not at all. A change is durable when this returns.
  void append(const AuditEntry& entry) const;

  /// Visits what has happened since then, the newest first, until `visit` returns false. Returns
  /// warnings, one line each.
  std::vector<std::string> visit(std::optional<Time> since,
                                 const std::function<bool(const AuditEntry&)>& visit) const;

 private:
  void rotate(const Fd& folder, AuditKind kind) const;

  Layout layout_;
  Limits limits_;
};

}  // namespace cooper::store
