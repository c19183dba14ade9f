#pragma once
// The images of an import, before an engine takes them: one docker-archive, written as their files
// pass by.

#include "base/fd.h"
#include "bundle/image_files.h"

#include <cstdint>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace cooper::bundle {

/// Throws Error{unavailable} if the disk of `folder` has not so many bytes free, and some more:
/// what a header claims is not believed before.
void require_room(const std::filesystem::path& folder, std::uint64_t bytes);

/// An image of the archive, and all names that it gets.
struct NamedImage {
  const ArchivedImage* image = nullptr;
  std::vector<std::string> references;
};

/// Each content is written once, with a header whose name, its digest, is filled in afterwards.
class StagedArchive : public BlobStore {
 public:
  /// Makes the file. Throws Error.
  explicit StagedArchive(const std::filesystem::path& file);

  bool has(const std::string& digest) const override { return kept_.contains(digest); }
  void begin(std::uint64_t size) override;
  void write(std::string_view bytes) override;
  void keep(const std::string& digest) override;
  void drop() override;

  /// Writes what names the images, and the end.
  void finish(std::span<const NamedImage> images);

 private:
  std::filesystem::path path_;
  Fd file_;
  std::uint64_t at_ = 0;    ///< where the current entry begins
  std::uint64_t size_ = 0;  ///< that it shall have
  std::set<std::string> kept_;
};

}  // namespace cooper::bundle
