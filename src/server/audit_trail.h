#pragma once
// What of requests goes into the audit log.

#include "server/request.h"
#include "server/router.h"
#include "server/workers.h"
#include "store/audit_log.h"

#include <string_view>

namespace cooper::server {

struct Metrics;

/// Notes changes, and what was refused. A line that can't be written is told on stderr, with all
/// that it says: none is lost in silence. Safe to use from several threads at once.
class AuditTrail {
 public:
  AuditTrail(store::AuditLog log, Workers& workers, Metrics& metrics)
      : log_(std::move(log)), workers_(workers), metrics_(metrics) {}

  /// A handler has answered a request that may change something. Blocks until the line is durable:
  /// for a worker, before the answer is sent.
  void note_change(const Route& route, const Request& request, const Answer& answer);
  /// Credentials were not good (401), looked at no more (429), or don't allow a change (403;
  /// `route` is then given). Does not block.
  void note_refusal(const Route* route, const Request& request, unsigned status);

  /// Does it change anything?
  static bool is_change(const Route& route);

 private:
  void append(const store::AuditEntry& entry);

  store::AuditLog log_;
  Workers& workers_;
  Metrics& metrics_;
};

/// The entry for a request, without what came of it.
store::AuditEntry audit_entry(const Route* route, const Request& request, unsigned status);

/// "id", else "name", of what an answer shows; empty if it shows no single thing.
std::string made_by(const Answer& answer);

}  // namespace cooper::server
