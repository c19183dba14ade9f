#pragma once
// What was asked for when a build was started.

#include "base/error.h"
#include "model/build.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cooper::build {

/// A command that is run as a deploy, in place of making images.
struct TrackedCommand {
  std::vector<std::string> words;  ///< any bytes; the first names the program
  std::string folder;              ///< where it runs; absolute
  bool operator==(const TrackedCommand&) const = default;
};

/// The words as a person would type them, on one line.
std::string command_line(const TrackedCommand& command);

/// Kept beside the packaged source (0600: build arguments may hold secrets), so
/// that a build can be run, and run again, from the data root alone.
struct BuildRequest {
  std::string source = "build";  ///< the command that originated it
  std::string description;
  std::string git_sha;
  std::string git_url;  ///< of the work tree's origin, without credentials
  std::string branch;   ///< whose newest commit it is; empty: none's, or not known
  std::string
      manifest;  ///< the manifest's path in the source; empty: convox.yml, or a lone Dockerfile
  std::string image;  ///< stands for all that the manifest's services would build; empty: for none
  std::vector<std::pair<std::string, std::string>> build_args;
  bool no_cache = false;
  bool force = false;        ///< build what did not change, too
  bool development = false;  ///< build the stage `development` where there is one
  std::string platform;      ///< see engine/platform.h; empty: the engine's own
  std::string engine;        ///< see engine/choose.h; empty: the property
  /// Of the packaged source: the digest of its tree, SHA-256 and size of the archive;
  /// empty: not told.
  std::string tree;
  std::string archive;
  std::uint64_t archive_bytes = 0;
  std::string output;                     ///< folder for archives of the images; empty: none
  unsigned jobs = 0;                      ///< images made at once; 0: see Run::jobs_at_once
  std::optional<Kind> kind;               ///< absent: what the source does
  std::optional<TrackedCommand> command;  ///< absent: images are made
  std::string release;                    ///< id of one that is deployed in place of that
  std::string retry_of;                   ///< id of the build whose source this one takes again
  /// Where images come from that are taken over as they are (bundle/import_plan.h), staged in the
  /// scratch folder; empty: they are made.
  std::string imported_from;
  std::vector<std::string> secrets;  ///< ids of those that the build was given ...
  std::vector<std::string> agents;   ///< ... their values are kept nowhere
  bool has_redact_variable = false;  ///< COOPER_REDACT was set; its value is kept nowhere, too
  bool operator==(const BuildRequest&) const = default;
};

std::string to_json(const BuildRequest& request);
[[nodiscard]] Result<BuildRequest> parse_request(std::string_view text);

}  // namespace cooper::build
