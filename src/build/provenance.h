#pragma once
// What a build was made from and by, as a statement that others' tools read: in-toto's
// Statement v1 with SLSA's provenance v1 (docs/formats.md).

#include "build/image_key.h"
#include "build/plan.h"
#include "build/request.h"
#include "model/build.h"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::build {

/// How one image of a plan came about.
struct ImageFacts {
  std::string digest;                 ///< "sha256:<64 hex>"; empty: there is none
  std::string made_by;                ///< id of the build that made it; this one's, or an earlier
  std::optional<ImageOrigin> origin;  ///< absent if it could not be told
};

struct ProvenanceFacts {
  const AppName& app;
  const BuildId& id;
  const BuildRequest& request;
  const Plan& plan;                ///< as far as it got
  std::vector<ImageFacts> images;  ///< by index in Plan::images
  const Outcome& outcome;          ///< of one that failed, no image is left but what was pushed
  std::string engine;              ///< name and version; empty: none was chosen
  std::string source;              ///< SHA-256 of the packaged source, 64 hex; empty: there is none
  Time started;
  Time finished;
};

/// SHA-256 of a file of any size, 64 hex. Throws Error.
std::string digest_of_file(const std::filesystem::path& path);

/// One line with its newline. Build arguments are in it by name only: their values
/// may be secret. So may be the reason of a failure: only its exit code is in it.
std::string to_statement(const ProvenanceFacts& facts);

/// An image that an earlier build left.
struct EarlierImage {
  std::string reference;
  std::string digest;
  std::string made_by;
};

/// The images that the statement of the build `id` tells of, by their key: none if it began before
/// `since` or did not succeed, if this is no statement of ours, or that of another build: an import
/// has one that somebody else wrote, who must not choose what images later builds use.
std::map<std::string, EarlierImage> images_by_key(std::string_view statement, std::string_view id,
                                                  Time since);

}  // namespace cooper::build
