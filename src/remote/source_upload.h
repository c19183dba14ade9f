#pragma once
// From a folder here to an archive that the server has.

#include "base/fd.h"
#include "rack/rack.h"
#include "remote/remote_rack.h"
#include "source/archive_pieces.h"
#include "store/layout.h"

#include <stop_token>
#include <string>
#include <vector>

namespace cooper::remote {

/// A folder, packed here.
struct PackedSource {
  Fd file;
  std::string archive;  ///< SHA-256, 64 hex
  std::vector<std::string> warnings;
};

/// Packs as a build on this host does, in `cache`, where the archive stays for the next build: that
/// one reads what was touched since, and packs what changed. Throws Error.
PackedSource pack_for_upload(const store::Layout& cache, const rack::StartBuild& start,
                             const std::stop_token& stop);

/// Sends what the server lacks of an archive, piece by piece. A connection that is cut is made
/// anew, and what has come is not sent again, until nothing has come for a minute. Returns the
/// upload's id. Throws Error.
std::string upload_source(ApiClient& api, const AppName& app, const PackedSource& source,
                          UploadWatcher& watcher, rack::StartProgress& progress,
                          const std::stop_token& stop);

}  // namespace cooper::remote
