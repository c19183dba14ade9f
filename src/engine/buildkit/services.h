#pragma once
// What a session offers to the daemon: the build's files, registry credentials, secrets,
// ssh agents, and a sign of life.

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

/// The services of a session, to be registered with its server, which must not
/// outlive them. `warn` gets sentences about files, from other threads.
/// `logins`: see find_login. `secrets` is borrowed.
std::vector<std::unique_ptr<grpc::Service>> make_services(
    const Folders& folders, const std::filesystem::path& logins, const BuildSecrets& secrets,
    std::function<void(const std::string&)> warn, std::stop_token stop);

/// The methods that they implement, as a session announces them.
std::vector<std::string> service_methods();

/// A value of the daemon's metadata whose `-encoded` flag is set: URL-query-escaped.
std::string query_unescape(std::string_view text);

}  // namespace cooper::engine::buildkit
