#pragma once
// What handlers and sessions work with. Made once, by the server.

#include "rack/rack.h"
#include "server/client_address.h"
#include "server/principal.h"
#include "server/quota.h"
#include "server/request_keys.h"
#include "server/request_watch.h"
#include "server/router.h"
#include "server/workers.h"
#include "store/layout.h"

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

namespace cooper::server {

class AuditTrail;
class BuildFigures;
class LoginLimit;
class Readiness;

/// Bounds on what peers may ask of us.
struct Limits {
  std::uint32_t header_bytes = 16 << 10;   ///< of a request's first line and headers
  std::uint64_t form_bytes = 4 << 20;      ///< of a body in memory
  std::uint64_t file_bytes = 32ULL << 30;  ///< of a body on disk
  std::size_t connections = 20'000;
  std::chrono::seconds idle{120};     ///< until a next request begins
  std::chrono::seconds header{15};    ///< for all of a request's headers
  std::chrono::seconds block{60};     ///< for each block of a body, in or out
  std::chrono::seconds stranger{20};  ///< for all of a body that comes without credentials
  std::chrono::seconds ending{10};    ///< for answers that are under way when the server ends
};

class HookWorker;

struct Services {
  rack::Rack& rack;
  Access& access;
  const Router& router;
  Workers& quick;
  Workers& slow;
  Workers& senders;  ///< they write answers, for as long as who reads them takes
  Quota& sendings;   ///< of those, by principal
  Quota& strangers;  ///< bodies of requests that need no credentials, by address
  RequestKeys& keys;
  LoginLimit& logins;
  AuditTrail& audit;
  Metrics& metrics;
  BuildFigures& figures;
  Readiness& readiness;
  HookWorker& hooks;
  Limits limits;
  store::Layout layout;
  std::string version;
  std::string host_name;
  bool local_only = true;             ///< nobody but this host can reach us
  std::vector<AddressBlock> proxies;  ///< believed when they say whom they ask for
  RequestLines request_lines = RequestLines::each;
  std::stop_token ending;  ///< the server ends
  Time begin = now();      ///< when it started
};

}  // namespace cooper::server
