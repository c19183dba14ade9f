#pragma once
// Images in a tar, as `docker save` (docker-archive) or as tools of the Open Container Initiative
// write them (oci-archive): told from the content, read file by file as it passes by.

#include "source/archive_reader.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::bundle {

/// Where the contents of files go, under their digests (SHA-256, 64 hex).
class BlobStore {
 public:
  virtual ~BlobStore() = default;
  virtual bool has(const std::string& digest) const = 0;
  /// A content of `size` bytes follows in calls of write(), and then keep() or drop(). All throw
  /// Error.
  virtual void begin(std::uint64_t size) = 0;
  virtual void write(std::string_view bytes) = 0;
  virtual void keep(const std::string& digest) = 0;
  /// It is not wanted, or there already.
  virtual void drop() = 0;
};

/// A file that a BlobStore keeps.
struct Blob {
  std::string digest;  ///< SHA-256, 64 hex
  std::uint64_t size = 0;
  bool operator==(const Blob&) const = default;
};

/// What compressed contents may unpack to, in whoever takes the images.
struct ContentBudget {
  std::uint64_t bytes = 0;  ///< that are left for all that come
  std::uint64_t ratio = 0;  ///< of what each content unpacks to and its own size
  std::chrono::seconds time{};
  std::stop_token stop;
};

struct ArchivedImage {
  std::vector<std::string> names;  ///< as the archive has them: not to be trusted
  Blob config;
  std::string config_text;
  std::vector<Blob> layers;  ///< from the bottom
  bool compressed = false;   ///< some layers are
};

/// Takes the entries of one or more tars that together hold images. Throws Error{corrupt} for what
/// is damaged, doubled or not what its name says, or leads out of the tar.
class ImageFiles {
 public:
  /// `platform`: the one that is taken from an image for several, "linux/amd64". `budget`: of what
  /// anybody may have written; then compressed files are looked into, by a process of its own
  /// (source/content_meter.h), and take from it. nullptr: an engine of ours wrote it.
  ImageFiles(BlobStore& blobs, std::string platform, ContentBudget* budget)
      : blobs_(blobs), platform_(std::move(platform)), budget_(budget) {}

  /// Takes an entry with its content. Returns the content's digest; empty for what is no file.
  std::string take(const source::ArchiveEntry& entry, source::ArchiveReader& reader);

  /// Another tar begins. A large file that is at the same path there, and of the same size, is
  /// expected to be the same, and so not stored again; Error{corrupt} if it is not.
  void begin_next();

  /// The images of the tar. Throws Error{corrupt}, also for what is neither of both formats.
  std::vector<ArchivedImage> images() const;

 private:
  struct File {
    Blob blob;
    bool compressed = false;
    std::string content;  ///< SHA-256 of what it unpacks to; empty: it was not looked into
    std::string text;     ///< of what may be JSON and is small
  };

  void add_link(const source::ArchiveEntry& entry, const std::string& path);
  const File* find(std::string path) const;
  const File& get(const std::string& path, const char* what) const;
  std::vector<ArchivedImage> of_docker(const File& manifest) const;
  std::vector<ArchivedImage> of_oci(const File& index) const;
  void add_oci(const File& index, const std::string& name, int depth,
               std::vector<ArchivedImage>& images) const;
  ArchivedImage oci_image(const File& manifest, const std::string& name) const;
  void check(const ArchivedImage& image, const std::vector<const File*>& layers) const;

  BlobStore& blobs_;
  std::string platform_;
  ContentBudget* budget_;
  std::map<std::string, File> files_;
  std::map<std::string, std::string> links_;  // path -> path
  std::map<std::string, Blob> earlier_;       // files of tars before, by path
  std::size_t text_bytes_ = 0;
};

}  // namespace cooper::bundle
