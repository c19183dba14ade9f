#pragma once
// Contents that wait, compressed, for their place in a bundle.

#include "base/fd.h"
#include "bundle/image_files.h"
#include "source/block_writer.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace cooper::bundle {

/// Compresses contents as they come, on several processors, into a file without a name. Each can
/// then be copied into any stream of the same compression, as often as it is needed.
class BlobSpool : public BlobStore {
 public:
  /// `folder`: where the disk is that the file takes its space from. Throws Error.
  BlobSpool(const std::filesystem::path& folder, source::MakeCompressor make_compressor);

  bool has(const std::string& digest) const override { return places_.contains(digest); }
  void begin(std::uint64_t size) override;
  void write(std::string_view bytes) override;
  void keep(const std::string& digest) override;
  void drop() override;

  /// Writes what a content was compressed to. Returns its number of bytes. Throws Error.
  std::uint64_t copy(const std::string& digest, int out) const;

 private:
  struct Place {
    std::uint64_t begin;
    std::uint64_t bytes;
  };

  Fd file_;
  std::optional<source::BlockWriter> writer_;
  std::uint64_t begin_ = 0;  // in the file, of the content that comes
  std::uint64_t gone_ = 0;   // of what the writer has written, so much was dropped
  std::map<std::string, Place> places_;
};

}  // namespace cooper::bundle
