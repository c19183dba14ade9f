#include "bundle/staged_archive.h"

#include "base/error.h"
#include "base/text.h"
#include "bundle/tar_blocks.h"

#include <boost/json.hpp>

#include <cerrno>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace cooper::bundle {
namespace json = boost::json;

void require_room(const std::filesystem::path& folder, std::uint64_t bytes) {
  constexpr std::uint64_t kLeft = std::uint64_t{16} << 20;  // for everybody's records and logs
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) != 0) throw_errno("statvfs " + folder.string());
  const std::uint64_t free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  if (free >= kLeft && bytes <= free - kLeft) return;
  throw Error(Errc::unavailable,
              "it needs " + human_bytes(bytes) + " more, and the disk of " + folder.string() +
                  " has " + human_bytes(free) + " free",
              "make room: cooper system prune");
}

StagedArchive::StagedArchive(const std::filesystem::path& file)
    : path_(file), file_(open_file(file, O_WRONLY | O_CREAT | O_EXCL, 0600)) {}

void StagedArchive::begin(std::uint64_t size) {
  require_room(path_.parent_path(), size);
  size_ = size;
  write_all(file_.get(), std::string(kTarBlock, '\0'));
}

void StagedArchive::write(std::string_view bytes) { write_all(file_.get(), bytes); }

void StagedArchive::keep(const std::string& digest) {
  write_all(file_.get(), std::string(tar_padding(size_), '\0'));
  const std::string header = tar_header({.path = digest, .size = size_});
  if (::pwrite(file_.get(), header.data(), header.size(), static_cast<off_t>(at_)) !=
      static_cast<ssize_t>(header.size())) {
    throw_errno("write " + path_.string());
  }
  at_ += kTarBlock + size_ + tar_padding(size_);
  kept_.insert(digest);
}

void StagedArchive::drop() {
  if (::ftruncate(file_.get(), static_cast<off_t>(at_)) != 0 ||
      ::lseek(file_.get(), static_cast<off_t>(at_), SEEK_SET) < 0) {
    throw_errno("write " + path_.string());
  }
}

void StagedArchive::finish(std::span<const NamedImage> images) {
  json::array list;
  for (const NamedImage& named : images) {
    json::array layers;
    for (const Blob& layer : named.image->layers) layers.push_back(json::string(layer.digest));
    json::array tags;
    for (const std::string& reference : named.references) tags.push_back(json::string(reference));
    list.push_back(json::object{{"Config", named.image->config.digest},
                                {"RepoTags", std::move(tags)},
                                {"Layers", std::move(layers)}});
  }
  std::string text = json::serialize(list);
  std::string entry = tar_header({.path = "manifest.json", .size = text.size()});
  entry += text;
  entry.append(tar_padding(text.size()) + kTarEnd, '\0');
  write_all(file_.get(), entry);
}

}  // namespace cooper::bundle
