#pragma once
// The file that `builds export` writes (docs/formats.md, "Bundle").

#include "base/fd.h"
#include "bundle/blob_spool.h"
#include "bundle/image_files.h"

#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::bundle {

enum class Form : std::uint8_t {
  convox,  ///< a gzip'd tar with an archive for each service
  oci,     ///< a tar with an OCI image layout, compressed with zstd: each file of an image once
};

/// What a form's contents are compressed with.
source::MakeCompressor compressor_of(Form form);

/// An image as the bundle has it.
struct BundledImage {
  std::string service;    ///< the entry's name begins with it
  std::string reference;  ///< what it is called inside its archive
  const ArchivedImage* image = nullptr;
};

/// Writes a bundle from its first byte to its last. Images' files are copied from a spool.
class BundleWriter {
 public:
  struct Options {
    Form form = Form::convox;
    std::string build;       ///< id, a part of the archives' names
    std::int64_t mtime = 0;  ///< of all entries, seconds since 1970
  };
  /// `out` and `spool` are borrowed; the spool's compressor is that of the form.
  BundleWriter(int out, const BlobSpool& spool, Options options, std::stop_token stop);

  /// An entry from memory. All throw Error, Error{canceled} on a stop request.
  void text(const std::string& path, std::string_view content, unsigned mode = 0644);
  /// An entry from an open file, which may grow meanwhile: as long as it is now.
  void file(const std::string& path, const Fd& content);
  /// All of them, once.
  void images(std::span<const BundledImage> images);
  /// The checksums of all entries, and the end. Call once, last.
  void finish();

 private:
  void small(std::string_view bytes);
  void header(const std::string& path, std::uint64_t size, unsigned mode = 0644);
  void note(const std::string& path, const std::string& digest);
  void blob(const std::string& folder, const Blob& blob);
  void archive(const BundledImage& bundled);
  void layout(std::span<const BundledImage> images);
  void check_stop() const;

  int out_;
  const BlobSpool& spool_;
  Options options_;
  std::stop_token stop_;
  std::unique_ptr<source::BlockCompressor> compressor_;
  std::vector<char> room_;
  std::string checksums_;
};

/// What stands in the checksums' first line.
inline constexpr std::string_view kChecksumsPath = "cooper/checksums";

}  // namespace cooper::bundle
