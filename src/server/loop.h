#pragma once
// One thread that serves connections. Whatever belongs to it is touched on it alone, so there are
// no locks; loops share nothing but workers and what never changes.

#include "server/log_hub.h"
#include "server/workers.h"

#include <boost/asio/io_context.hpp>

#include <set>

namespace cooper::server {

struct Services;
class Production;

/// One connection.
class Session {
 public:
  virtual ~Session() = default;
  /// Ends it as soon as nothing is under way; streams end now.
  virtual void end() = 0;
  /// Ends it now.
  virtual void abort() = 0;
};

struct Loop {
  explicit Loop(Services& all) : services(all), logs(*this) {}
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  Services& services;
  LogHub logs;
  std::set<Session*> sessions;         ///< of all open connections
  bool ending = false;                 ///< no further request is begun
  boost::asio::io_context context{1};  // goes first: coroutines that are left use all the others
};

}  // namespace cooper::server
