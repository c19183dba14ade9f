#pragma once
// Bodies of requests, on their way to a handler.

#include "base/fd.h"
#include "server/request.h"
#include "server/services.h"
#include "server/task.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cooper::server {

/// Takes a body's blocks, and puts them where the route wants them.
class BodySink {
 public:
  BodySink(Services& services, Body body, Request& request)
      : services_(services), body_(body), request_(request) {}

  /// Throws Error, as for a full disk.
  Task<void> take(std::string_view block);
  /// All has come. A file is at its begin again.
  Task<void> finish();

 private:
  Services& services_;
  Body body_;
  Request& request_;
};

/// A new file without a name in the folder: gone with its last descriptor, whatever happens.
Fd unnamed_file(const std::filesystem::path& folder);

/// For answers that are files.
std::uint64_t file_size(const Fd& file);
/// At most so many bytes from there; none at the end.
std::string read_block(int file, std::uint64_t from, std::size_t most);

}  // namespace cooper::server
