#pragma once
// What a session offers to the daemon: the build's files, registry credentials, secrets,
// ssh agents, and a sign of life.

#include "base/fd.h"
#include "engine/build_secrets.h"
#include "engine/buildkit/file_sync.h"
#include "source/content_time.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace grpc {
class Service;
}

namespace cooper::engine::buildkit {

/// The folders of one build, by the names that the Dockerfile frontend asks for.
struct Folders {
  std::filesystem::path context;
  std::filesystem::path dockerfile;            ///< folder that holds the Dockerfile
  const source::ContentTime* times = nullptr;  ///< see TreeRequest
};

/// What a session has to offer.
struct Offer {
  Folders folders;
  std::filesystem::path logins;  ///< see find_login
  const BuildSecrets& secrets;   ///< borrowed
  const Fd* receives = nullptr;  ///< where what an exporter sends is written to; borrowed
  std::function<void(const std::string&)> warn;  ///< gets sentences about files, from other threads
};

/// The services of a session, to be registered with its server, which must not
/// outlive them.
std::vector<std::unique_ptr<grpc::Service>> make_services(Offer offer, std::stop_token stop);

/// The methods that they implement, as a session announces them.
std::vector<std::string> service_methods();

/// A value of the daemon's metadata whose `-encoded` flag is set: URL-query-escaped.
std::string query_unescape(std::string_view text);

}  // namespace cooper::engine::buildkit
