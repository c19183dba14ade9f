#pragma once
// From a stream that somebody else wrote to the files of an import.

#include "bundle/import_plan.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

namespace cooper::bundle {

struct StageOptions {
  ImportFiles files;     ///< their folder exists, and is empty
  std::string platform;  ///< "linux/amd64": what is taken from an image for several
  std::uint64_t unpacked = std::uint64_t{4} << 30;  ///< that all compressed layers may unpack to
  std::chrono::seconds time{600};                   ///< of a processor, to look into each of them
  /// What an image of a service shall be called.
  std::function<std::string(const ServiceName&)> reference_of;
};

/// Reads a bundle from `in` to its end: one of ours or of Convox's, told from the content. All is
/// checked as far as that can be done without an engine: Error{corrupt} for what is damaged, cut,
/// doubled, not what its checksums or its images' configurations say, or unpacks to more than it
/// may; Error{invalid} for a build that can't be imported;
/// Error{unavailable} if the disk has no room; Error{canceled}. After an Error the folder holds
/// what had come so far.
ImportPlan stage_bundle(int in, const StageOptions& options, std::stop_token stop);

/// The same for an image archive (docker-archive or oci-archive): the image of this name becomes
/// that of the service.
ImportPlan stage_image(int in, const std::string& image, const ServiceName& service,
                       const StageOptions& options, std::stop_token stop);

}  // namespace cooper::bundle
