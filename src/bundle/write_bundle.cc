#include "bundle/write_bundle.h"

#include "base/error.h"
#include "base/sha256.h"
#include "bundle/gzip.h"
#include "bundle/tar_blocks.h"

#include <boost/json.hpp>

#include <algorithm>
#include <set>
#include <sys/stat.h>
#include <utility>

namespace cooper::bundle {
namespace json = boost::json;

namespace {

constexpr std::string_view kLayoutText = R"({"imageLayoutVersion":"1.0.0"})";
constexpr std::string_view kBlobs = "blobs/sha256/";
constexpr const char* kManifestType = "application/vnd.oci.image.manifest.v1+json";

json::object descriptor(const char* type, const std::string& digest, std::uint64_t size) {
  return {{"mediaType", type}, {"digest", "sha256:" + digest}, {"size", size}};
}

/// What an OCI image layout calls an image.
std::string oci_manifest(const ArchivedImage& image) {
  json::array layers;
  for (const Blob& layer : image.layers) {
    layers.push_back(
        descriptor("application/vnd.oci.image.layer.v1.tar", layer.digest, layer.size));
  }
  return json::serialize(
      json::object{{"schemaVersion", 2},
                   {"mediaType", kManifestType},
                   {"config", descriptor("application/vnd.oci.image.config.v1+json",
                                         image.config.digest, image.config.size)},
                   {"layers", std::move(layers)}});
}

json::object in_index(const std::string& manifest, const std::string& reference) {
  json::object found = descriptor(kManifestType, hex(sha256(manifest)), manifest.size());
  found["annotations"] = json::object{{"org.opencontainers.image.ref.name", reference}};
  return found;
}

std::string oci_index(json::array manifests) {
  return json::serialize(json::object{{"schemaVersion", 2}, {"manifests", std::move(manifests)}});
}

/// What `docker load` reads: an element of manifest.json.
json::object docker_image(const ArchivedImage& image, const std::vector<std::string>& names) {
  json::array layers;
  for (const Blob& layer : image.layers) {
    layers.push_back(json::string(std::string(kBlobs) + layer.digest));
  }
  json::array tags;
  for (const std::string& name : names) tags.push_back(json::string(name));
  return {{"Config", std::string(kBlobs) + image.config.digest},
          {"RepoTags", std::move(tags)},
          {"Layers", std::move(layers)}};
}

std::uint64_t in_tar(std::uint64_t size) { return kTarBlock + size + tar_padding(size); }

/// The image's own files, each once.
std::vector<Blob> blobs_of(const ArchivedImage& image) {
  std::vector<Blob> blobs = {image.config};
  for (const Blob& layer : image.layers) {
    if (std::ranges::find(blobs, layer) == blobs.end()) blobs.push_back(layer);
  }
  return blobs;
}

}  // namespace

source::MakeCompressor compressor_of(Form form) {
  constexpr int kZstdLevel = 1;
  return form == Form::oci ? source::zstd_compressor(kZstdLevel) : gzip_compressor();
}

BundleWriter::BundleWriter(int out, const BlobSpool& spool, Options options, std::stop_token stop)
    : out_(out),
      spool_(spool),
      options_(std::move(options)),
      stop_(std::move(stop)),
      compressor_(compressor_of(options_.form)()) {}

void BundleWriter::check_stop() const {
  if (stop_.stop_requested()) throw Error(Errc::canceled, "canceled");
}

/// What is no image's, compressed at once: a frame or member for each.
void BundleWriter::small(std::string_view bytes) {
  if (bytes.empty()) return;
  room_.resize(std::max(room_.size(), compressor_->bound(bytes.size())));
  write_all(out_, {room_.data(), compressor_->compress(bytes, room_)});
}

void BundleWriter::header(const std::string& path, std::uint64_t size, unsigned mode) {
  small(tar_header({.path = path, .size = size, .mode = mode, .mtime = options_.mtime}));
}

void BundleWriter::note(const std::string& path, const std::string& digest) {
  checksums_ += digest + "  " + path + "\n";
}

void BundleWriter::text(const std::string& path, std::string_view content, unsigned mode) {
  check_stop();
  std::string entry =
      tar_header({.path = path, .size = content.size(), .mode = mode, .mtime = options_.mtime});
  entry += content;
  entry.append(tar_padding(content.size()), '\0');
  small(entry);
  note(path, hex(sha256(content)));
}

void BundleWriter::file(const std::string& path, const Fd& content) {
  struct stat info {};
  if (::fstat(content.get(), &info) != 0) throw_errno("stat " + path);
  const auto size = static_cast<std::uint64_t>(info.st_size);
  header(path, size);
  Sha256 hash;
  std::vector<char> buffer(std::size_t{1} << 20);
  for (std::uint64_t left = size; left > 0;) {
    check_stop();
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), left));
    const ssize_t got = read_some(content.get(), std::span(buffer).first(wanted));
    if (got <= 0) throw Error(Errc::conflict, path + " became shorter while it was exported");
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
    hash.update(bytes);
    small(bytes);
    left -= bytes.size();
  }
  small(std::string(tar_padding(size), '\0'));
  note(path, hex(hash.finish()));
}

void BundleWriter::blob(const std::string& folder, const Blob& blob) {
  check_stop();
  const std::string path = std::string(kBlobs) + blob.digest;
  header(path, blob.size);
  spool_.copy(blob.digest, out_);
  small(std::string(tar_padding(blob.size), '\0'));
  note(folder + path, blob.digest);
}

void BundleWriter::images(std::span<const BundledImage> images) {
  if (options_.form == Form::oci) return layout(images);
  for (const BundledImage& image : images) archive(image);
}

/// An archive that tools of the OCI read, and `docker load`, too. Its own tar is an entry of the
/// bundle, so its size comes first.
void BundleWriter::archive(const BundledImage& bundled) {
  const ArchivedImage& image = *bundled.image;
  const std::string path = bundled.service + "." + options_.build + ".tar";
  const std::string manifest = oci_manifest(image);
  const std::string index = oci_index({in_index(manifest, bundled.reference)});
  const std::string docker = json::serialize(json::array{docker_image(image, {bundled.reference})});
  const std::string manifest_path = std::string(kBlobs) + hex(sha256(manifest));
  const std::vector<Blob> blobs = blobs_of(image);
  std::uint64_t size = kTarEnd;
  for (const Blob& each : blobs) size += in_tar(each.size);
  for (const std::string_view each : {kLayoutText, std::string_view(manifest),
                                      std::string_view(index), std::string_view(docker)}) {
    size += in_tar(each.size());
  }
  header(path, size);
  const std::string folder = path + "/";
  const auto inner = [&](const std::string& name, std::string_view content) {
    std::string entry = tar_header({.path = name, .size = content.size(), .mtime = options_.mtime});
    entry += content;
    entry.append(tar_padding(content.size()), '\0');
    small(entry);
    note(folder + name, hex(sha256(content)));
  };
  inner("oci-layout", kLayoutText);
  for (const Blob& each : blobs) blob(folder, each);
  inner(manifest_path, manifest);
  inner("index.json", index);
  inner("manifest.json", docker);
  small(std::string(kTarEnd, '\0'));  // of the inner one: a whole number of blocks
}

void BundleWriter::layout(std::span<const BundledImage> images) {
  text("oci-layout", kLayoutText);
  json::array manifests;
  json::array docker;
  std::set<std::string> written;
  for (const BundledImage& bundled : images) {
    for (const Blob& each : blobs_of(*bundled.image)) {
      if (written.insert(each.digest).second) blob("", each);
    }
    const std::string manifest = oci_manifest(*bundled.image);
    const std::string digest = hex(sha256(manifest));
    if (written.insert(digest).second) text(std::string(kBlobs) + digest, manifest);
    manifests.push_back(in_index(manifest, bundled.reference));
    docker.push_back(docker_image(*bundled.image, {bundled.reference}));
  }
  text("index.json", oci_index(std::move(manifests)));
  text("manifest.json", json::serialize(docker));
}

void BundleWriter::finish() {
  text(std::string(kChecksumsPath), std::exchange(checksums_, {}));
  small(std::string(kTarEnd, '\0'));
}

}  // namespace cooper::bundle
