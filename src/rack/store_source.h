#pragma once
// From a user's folder to the stored source of a build.

#include "base/fd.h"
#include "build/request.h"
#include "source/pack.h"
#include "store/layout.h"

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

namespace cooper::rack {

struct SourceStored {
  Fd file;  ///< marked as in use
  std::string tree;
  std::string archive;  ///< these three: see BuildRequest
  std::uint64_t bytes = 0;
  std::uint64_t taken_bytes = 0;  ///< of a new archive, what came from an earlier one
  std::vector<std::string> warnings;
};

/// Does the next build find the same files, or others, in another folder?
enum class FilesSeen { again, once };

/// Stores what `options` select (its `cache` is set here) as the source of a build. If
/// one of the app's last builds has the very same source, this one gets another name of
/// that archive (a hard link), and nothing is read that was not touched since: a stat
/// cache in `cache/` tells. Else it is packed, durably, and what the last build's archive
/// has already is taken over from it (source/repack.h), once its SHA-256 was seen to be right; but
/// its name is durable only once its folder is synced. Of files that are seen `once` the stat cache
/// learns nothing. Throws Error; then nothing of it is left.
SourceStored store_source(const store::Layout& layout, const AppName& app, const BuildId& id,
                          source::PackOptions options, FilesSeen seen, std::stop_token stop);

}  // namespace cooper::rack
