#include "bundle/image_files.h"

#include "base/error.h"
#include "base/sha256.h"
#include "base/text.h"
#include "source/content_meter.h"
#include "source/import_archive.h"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace cooper::bundle {
namespace json = boost::json;

namespace {

constexpr std::size_t kMostText = std::size_t{4} << 20;    // of one file
constexpr std::size_t kMostTexts = std::size_t{16} << 20;  // of all
constexpr std::size_t kMostEntries = 100'000;
constexpr std::string_view kBlobs = "blobs/sha256/";
constexpr std::string_view kRefName = "org.opencontainers.image.ref.name";

[[noreturn]] void refuse(const std::string& why) {
  throw Error(Errc::corrupt, "the image archive " + why);
}

bool is_digest(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// gzip, zstd (also what it has decoders skip), xz, bzip2: what engines unpack.
bool is_compressed(std::string_view bytes) {
  using namespace std::string_view_literals;
  const bool is_skipped =
      bytes.size() >= 4 && (bytes[0] & 0xf0) == 0x50 && bytes.substr(1, 3) == "\x2a\x4d\x18"sv;
  return is_skipped ||
         std::ranges::any_of(std::array{"\x1f\x8b"sv, "\x28\xb5\x2f\xfd"sv,
                                        "\xfd"
                                        "7zXZ"sv,
                                        "BZh"sv},
                             [&](std::string_view magic) { return bytes.starts_with(magic); });
}

/// A file of the archive as it passes by: is it compressed, and what does it unpack to?
class Inspection {
 public:
  Inspection(ContentBudget* budget, const std::string& path, std::uint64_t size)
      : budget_(budget), path_(path), size_(size) {}

  void take(std::string_view bytes) {
    if (meter_) return meter_->write(bytes);
    if (is_decided_) return;
    head_ += bytes;
    constexpr std::size_t kLongestMagic = 5;
    if (head_.size() >= kLongestMagic) decide();
  }

  bool is_compressed() const { return compressed_; }

  /// The digest of what it unpacks to; empty: it was not looked into. Throws Error{corrupt}.
  std::string finish() {
    if (!is_decided_) decide();
    if (!meter_) return {};
    try {
      const auto measured = meter_->finish();
      budget_->bytes -= measured.bytes;
      return measured.digest;
    } catch (const Error& error) {  // adapter: which one it is, and what can be done
      const std::string what = "the image archive's " + printable(path_) + " is refused: ";
      if (error.code() == Errc::corrupt) throw Error(Errc::corrupt, what + error.message());
      if (error.code() != Errc::invalid) throw;
      if (most_ < budget_->bytes) {
        throw Error(Errc::corrupt, what + error.message() + ", and has " + human_bytes(size_) +
                                       ": it may be a bomb");
      }
      throw Error(Errc::corrupt, what + error.message(),
                  "the property unpack-limit says what compressed layers may unpack to together");
    }
  }

 private:
  void decide() {
    is_decided_ = true;
    compressed_ = bundle::is_compressed(head_);
    if (compressed_ && budget_) {
      const bool is_small = size_ <= budget_->bytes / budget_->ratio;
      const std::uint64_t plausible =
          is_small ? std::max(source::ImportLimits::kUnsuspicious, size_ * budget_->ratio)
                   : budget_->bytes;
      most_ = std::min(plausible, budget_->bytes);
      meter_.emplace(size_, source::ContentMeter::Limits{.bytes = most_, .time = budget_->time},
                     budget_->stop);
      meter_->write(head_);
    }
    head_.clear();
  }

  ContentBudget* budget_;
  const std::string& path_;
  std::uint64_t size_;
  std::uint64_t most_ = 0;  ///< that it may unpack to
  std::string head_;
  bool is_decided_ = false;
  bool compressed_ = false;
  std::optional<source::ContentMeter> meter_;
};

/// Of an archive's JSON; whatever is not as it should be is a damage.
json::value parse(const std::string& text, const std::string& what) {
  boost::system::error_code failure;
  json::value value = json::parse(text, failure);
  if (failure) refuse("has a damaged " + what + ": " + failure.message());
  return value;
}

const json::value* at(const json::value& value, std::string_view key) {
  const json::object* object = value.if_object();
  return object ? object->if_contains(key) : nullptr;
}

std::string text_at(const json::value& value, std::string_view key) {
  const json::value* found = at(value, key);
  return found && found->is_string() ? std::string(found->get_string()) : "";
}

std::vector<json::value> list_at(const json::value& value, std::string_view key) {
  const json::value* found = at(value, key);
  if (!found || !found->is_array()) return {};
  return {found->get_array().begin(), found->get_array().end()};
}

/// "sha256:<64 hex>" without what is before the digits; throws for anything else.
std::string digest_at(const json::value& descriptor) {
  const std::string text = text_at(descriptor, "digest");
  if (!text.starts_with("sha256:") || !is_digest(std::string_view(text).substr(7))) {
    refuse("names a file by no SHA-256 digest: " + shorten(printable(text), 80));
  }
  return text.substr(7);
}

}  // namespace

std::string ImageFiles::take(const source::ArchiveEntry& entry, source::ArchiveReader& reader) {
  using Kind = source::ArchiveEntry::Kind;
  const auto path = normal_path(entry.path);
  if (!path) refuse("has an entry that leads out of it: " + shorten(printable(entry.path), 200));
  if (entry.kind == Kind::folder) return "";
  if (files_.contains(*path) || links_.contains(*path)) {
    refuse("holds " + printable(*path) + " twice");
  }
  if (files_.size() + links_.size() >= kMostEntries) refuse("has too many entries");
  if (entry.kind != Kind::file) {
    add_link(entry, *path);
    return "";
  }
  const auto known = earlier_.find(*path);
  const bool is_earlier =
      entry.size > kMostText && known != earlier_.end() && known->second.size == entry.size;
  const std::string named = path->starts_with(kBlobs) ? path->substr(kBlobs.size()) : "";
  const bool is_known = is_earlier || (is_digest(named) && blobs_.has(named));
  File file{.blob = {.digest = {}, .size = entry.size}};
  const bool may_be_text = entry.size <= kMostText && !path->ends_with(".tar");
  if (!is_known) blobs_.begin(entry.size);
  Sha256 hash;
  Inspection inspection(budget_, *path, entry.size);
  bool is_first = true;
  for (std::string_view bytes = reader.content(); !bytes.empty(); bytes = reader.content()) {
    hash.update(bytes);
    inspection.take(bytes);
    if (std::exchange(is_first, false)) {
      if (may_be_text && (bytes.front() == '{' || bytes.front() == '[')) file.text = bytes;
    } else if (!file.text.empty()) {
      file.text += bytes;
    }
    if (!is_known) blobs_.write(bytes);
  }
  file.blob.digest = hex(hash.finish());
  file.content = inspection.finish();
  file.compressed = inspection.is_compressed();
  if (is_earlier && file.blob.digest != known->second.digest) {
    refuse("holds another " + printable(*path) + " than the one before");
  }
  if (path->starts_with(kBlobs) && named != file.blob.digest) {
    if (!is_known) blobs_.drop();
    refuse("is damaged: " + printable(*path) + " has the digest " + file.blob.digest);
  }
  if (!is_known && blobs_.has(file.blob.digest)) {
    blobs_.drop();
  } else if (!is_known) {
    blobs_.keep(file.blob.digest);
  }
  text_bytes_ += file.text.size();
  if (text_bytes_ > kMostTexts) refuse("has too much in small files");
  std::string digest = file.blob.digest;
  files_.emplace(*path, std::move(file));
  return digest;
}

/// `docker save` and buildah name a file twice so. A symbolic link's target is relative to its
/// own folder, a hard link's to the archive.
void ImageFiles::add_link(const source::ArchiveEntry& entry, const std::string& path) {
  std::string target = entry.target;
  if (entry.kind == source::ArchiveEntry::Kind::symbolic_link) {
    std::string folder = path.substr(0, path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
    std::string_view rest = target;
    while (rest.starts_with("../") && !folder.empty()) {
      rest.remove_prefix(3);
      const auto slash = folder.rfind('/');
      folder.resize(slash == std::string::npos ? 0 : slash);
    }
    target = folder.empty() ? std::string(rest) : folder + "/" + std::string(rest);
  }
  const auto normal = normal_path(target);
  if (!normal) refuse("has a link that leads out of it: " + shorten(printable(entry.path), 200));
  links_.emplace(path, *normal);
}

void ImageFiles::begin_next() {
  for (auto& [path, file] : files_) earlier_.insert_or_assign(path, file.blob);
  files_.clear();
  links_.clear();
  text_bytes_ = 0;
}

const ImageFiles::File* ImageFiles::find(std::string path) const {
  constexpr int kMostLinks = 8;
  for (int i = 0; i < kMostLinks; ++i) {
    if (const auto file = files_.find(path); file != files_.end()) return &file->second;
    const auto link = links_.find(path);
    if (link == links_.end()) return nullptr;
    path = link->second;
  }
  return nullptr;
}

const ImageFiles::File& ImageFiles::get(const std::string& path, const char* what) const {
  const File* file = find(path);
  if (!file) refuse("lacks " + std::string(what) + " " + shorten(printable(path), 120));
  return *file;
}

std::vector<ArchivedImage> ImageFiles::images() const {
  // Of an archive that has both, this names every file by its digest.
  if (files_.contains("oci-layout")) return of_oci(get("index.json", "its"));
  if (const File* manifest = find("manifest.json")) return of_docker(*manifest);
  refuse("is none: it has neither a manifest.json, as docker save writes it, nor an index.json");
}

/// [{"Config": path, "RepoTags": [name], "Layers": [path]}]
std::vector<ArchivedImage> ImageFiles::of_docker(const File& manifest) const {
  const json::value list = parse(manifest.text, "manifest.json");
  std::vector<ArchivedImage> images;
  if (!list.is_array()) refuse("has a damaged manifest.json");
  for (const json::value& each : list.get_array()) {
    const File& config = get(text_at(each, "Config"), "the configuration");
    ArchivedImage image{.config = config.blob, .config_text = config.text};
    std::vector<const File*> layers;
    for (const json::value& path : list_at(each, "Layers")) {
      if (!path.is_string()) refuse("has a damaged manifest.json");
      const File& layer = get(std::string(path.get_string()), "the layer");
      layers.push_back(&layer);
      image.layers.push_back(layer.blob);
    }
    for (const json::value& name : list_at(each, "RepoTags")) {
      if (name.is_string()) image.names.emplace_back(name.get_string());
    }
    image.compressed =
        std::ranges::any_of(layers, [](const File* layer) { return layer->compressed; });
    check(image, layers);
    images.push_back(std::move(image));
  }
  if (images.empty()) refuse("holds no image");
  return images;
}

std::vector<ArchivedImage> ImageFiles::of_oci(const File& index) const {
  std::vector<ArchivedImage> images;
  add_oci(index, "", 0, images);
  if (images.empty()) refuse("holds no image for " + platform_);
  return images;
}

void ImageFiles::add_oci(const File& index, const std::string& name, int depth,
                         std::vector<ArchivedImage>& images) const {
  constexpr int kDeepest = 4;
  if (depth > kDeepest) refuse("has an index in an index in an index");
  const json::value value = parse(index.text, "index.json");
  for (const json::value& descriptor : list_at(value, "manifests")) {
    const json::value* annotations = at(descriptor, "annotations");
    std::string own = annotations ? text_at(*annotations, kRefName) : "";
    if (own.empty()) own = name;
    if (const json::value* platform = at(descriptor, "platform"); platform && depth > 0) {
      if (text_at(*platform, "os") + "/" + text_at(*platform, "architecture") != platform_)
        continue;
    }
    const File& file = get(std::string(kBlobs) + digest_at(descriptor), "the manifest");
    const json::value manifest = parse(file.text, "manifest");
    if (at(manifest, "manifests")) {
      add_oci(file, own, depth + 1, images);
    } else {
      images.push_back(oci_image(file, own));
    }
  }
}

ArchivedImage ImageFiles::oci_image(const File& manifest, const std::string& name) const {
  const json::value value = parse(manifest.text, "manifest");
  const json::value* descriptor = at(value, "config");
  if (!descriptor) refuse("has a manifest without a configuration");
  const File& config = get(std::string(kBlobs) + digest_at(*descriptor), "the configuration");
  ArchivedImage image{.config = config.blob, .config_text = config.text};
  if (!name.empty()) image.names.push_back(name);
  std::vector<const File*> layers;
  for (const json::value& layer : list_at(value, "layers")) {
    layers.push_back(&get(std::string(kBlobs) + digest_at(layer), "the layer"));
    image.layers.push_back(layers.back()->blob);
  }
  image.compressed =
      std::ranges::any_of(layers, [](const File* layer) { return layer->compressed; });
  check(image, layers);
  return image;
}

/// The configuration names the layers' contents.
void ImageFiles::check(const ArchivedImage& image, const std::vector<const File*>& layers) const {
  const json::value config = parse(image.config_text, "configuration");
  const json::value* rootfs = at(config, "rootfs");
  const std::vector<json::value> ids =
      rootfs ? list_at(*rootfs, "diff_ids") : std::vector<json::value>();
  if (ids.size() != layers.size()) {
    refuse("has an image with " + std::to_string(layers.size()) +
           " layers, whose configuration names " + std::to_string(ids.size()));
  }
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (layers[i]->compressed && layers[i]->content.empty()) continue;  // an engine's own
    const std::string& content =
        layers[i]->compressed ? layers[i]->content : layers[i]->blob.digest;
    if (!ids[i].is_string() || ids[i].get_string() != "sha256:" + content) {
      refuse("is damaged: layer " + std::to_string(i + 1) + " is not what its image says");
    }
  }
}

}  // namespace cooper::bundle
