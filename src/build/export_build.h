#pragma once
// From a build to the file that another cooper, or Convox, imports.

#include "bundle/write_bundle.h"
#include "model/build.h"
#include "store/file_store.h"

#include <filesystem>
#include <stop_token>

namespace cooper::build {

struct ExportOptions {
  bundle::Form form = bundle::Form::convox;
  /// A folder for temporary files, on a disk with room for the images, compressed. It exists.
  std::filesystem::path scratch;
};

/// Writes a build's images, record, log, steps, provenance and manifest to `out`; no environment,
/// and nothing of what it was asked for. Throws Error{conflict} if it has not ended, Error{invalid}
/// if it has no images, Error{not_found} if its engine does not have one any more: all of these
/// before the first byte.
void export_build(const store::FileStore& store, const Build& build, int out,
                  const ExportOptions& options, std::stop_token stop);

}  // namespace cooper::build
