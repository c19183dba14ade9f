#include "bundle/stage.h"

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "bundle/build_facts.h"
#include "bundle/pipe_feed.h"
#include "bundle/staged_archive.h"
#include "bundle/write_bundle.h"
#include "source/content_meter.h"
#include "source/import_archive.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

namespace cooper::bundle {

namespace {

using source::ArchiveEntry;
using source::ArchiveReader;

constexpr std::size_t kMostText = std::size_t{16} << 20;
constexpr std::size_t kMostEntries = 100'000;

[[noreturn]] void refuse(const std::string& why) { throw Error(Errc::corrupt, why); }

/// The stream without what it is compressed with. No bundle's or image archive's first name
/// begins as gzip and zstd do.
void unwrap(int in, int out, const std::stop_token& stop) {
  std::array<char, 2> magic{};
  std::size_t has = 0;
  while (has < magic.size()) {
    const std::size_t got = read_unless_stopped(in, std::span(magic).subspan(has), stop);
    if (got == 0) break;
    has += got;
  }
  if (has == 0) refuse("it is empty");
  const std::string_view head(magic.data(), has);
  using source::Compression;
  if (head == source::magic_of(Compression::gzip)) {
    return source::unpack_apart(Compression::gzip, in, out, stop);
  }
  if (head == source::magic_of(Compression::zstd)) {
    return source::unpack_apart(Compression::zstd, in, out, stop);
  }
  write_all(out, head);
  std::vector<char> buffer(std::size_t{256} << 10);
  for (std::size_t got = 0; (got = read_unless_stopped(in, buffer, stop)) > 0;) {
    write_all(out, {buffer.data(), got});
  }
}

/// As for archives of source: the same tools make them.
ContentBudget budget_of(const StageOptions& options, const std::stop_token& stop) {
  return {.bytes = options.unpacked,
          .ratio = source::ImportLimits{}.ratio,
          .time = options.time,
          .stop = stop};
}

/// What reading a fed stream does. If both fail, the feed's failure tells the cause.
template <class Read>
void read_fed(PipeFeed& feed, Read&& read) {
  try {
    read();
  } catch (const Error&) {  // adapter: see above
    feed.finish();
    throw;
  }
  feed.finish();
}

std::string read_text(const ArchiveEntry& entry, ArchiveReader& reader) {
  if (entry.size > kMostText) refuse("its " + printable(entry.path) + " is too large");
  std::string text;
  for (std::string_view bytes = reader.content(); !bytes.empty(); bytes = reader.content()) {
    text += bytes;
  }
  return text;
}

/// Returns the digest.
std::string copy(const ArchiveEntry& entry, ArchiveReader& reader,
                 const std::filesystem::path& target) {
  require_room(target.parent_path(), entry.size);
  const Fd file = open_file(target, O_WRONLY | O_CREAT | O_EXCL, 0600);
  Sha256 hash;
  for (std::string_view bytes = reader.content(); !bytes.empty(); bytes = reader.content()) {
    hash.update(bytes);
    write_all(file.get(), bytes);
  }
  return hex(hash.finish());
}

ServiceName service_of(std::string_view name) {
  const std::string_view service = name.substr(0, name.find('.'));
  const auto parsed = ServiceName::parse(service);
  if (!parsed)
    refuse("it has an image for \"" + shorten(printable(service), 80) +
           "\", which is no service's name");
  return *parsed;
}

/// "localhost/hello:web.mwq3upiv71tsix" is the image of `web`.
ServiceName service_of_reference(const ArchivedImage& image) {
  if (image.names.empty()) refuse("it has an image without a name");
  const std::string& name = image.names.front();
  return service_of(std::string_view(name).substr(name.rfind(':') + 1));
}

/// One bundle.
class BundleStage {
 public:
  BundleStage(const StageOptions& options, std::stop_token stop)
      : options_(options),
        stop_(std::move(stop)),
        budget_(budget_of(options, stop_)),
        archive_(options.files.images) {}

  ImportPlan run(int in) {
    PipeFeed feed([this, in](int out) { unwrap(in, out, stop_); });
    read_fed(feed, [&] {
      ArchiveReader reader(feed.fd(), stop_);
      while (const auto entry = reader.next()) take(*entry, reader);
    });
    check_sums();
    return finish();
  }

 private:
  void take(const ArchiveEntry& entry, ArchiveReader& reader) {
    const auto path = normal_path(entry.path);
    if (!path)
      refuse("it has an entry that leads out of it: " + shorten(printable(entry.path), 200));
    if (entry.kind == ArchiveEntry::Kind::folder) return;
    if (entry.kind != ArchiveEntry::Kind::file) refuse("its " + printable(*path) + " is a link");
    if (sums_) refuse("something follows its checksums: " + printable(*path));
    if (!paths_.insert(*path).second) refuse("it holds " + printable(*path) + " twice");
    if (paths_.size() > kMostEntries) refuse("it has too many entries");
    const std::string name = path->substr(path->rfind('/') + 1);
    if (*path == kChecksumsPath) {
      sums_ = read_text(entry, reader);
    } else if (*path == "build.json") {
      const std::string text = read_text(entry, reader);
      facts_ = parse_build_json(text).value();
      note(*path, hex(sha256(text)));
    } else if (name.ends_with(".tar") && !path->starts_with("blobs/")) {
      take_archive(*path, service_of(name), reader);
    } else if (const auto target = place_of(*path)) {
      note(*path, copy(entry, reader, *target));
    } else if (path->starts_with("cooper/")) {
      note(*path, hex(sha256(read_text(entry, reader))));
    } else {
      note(*path, layout_.take(entry, reader));
    }
  }

  /// Of what is kept as it is.
  std::optional<std::filesystem::path> place_of(const std::string& path) const {
    if (path == "cooper/log") return options_.files.log;
    if (path == "cooper/steps.jsonl") return options_.files.steps;
    if (path == "cooper/provenance.jsonl") return options_.files.statement;
    return std::nullopt;
  }

  void note(const std::string& path, const std::string& digest) { digests_.emplace(path, digest); }

  void take_archive(const std::string& path, const ServiceName& service, ArchiveReader& outer) {
    ImageFiles files(archive_, options_.platform, &budget_);
    ArchiveReader reader([&outer] { return outer.content(); }, stop_);
    while (const auto entry = reader.next()) {
      const std::string digest = files.take(*entry, reader);
      if (!digest.empty()) note(path + "/" + *normal_path(entry->path), digest);
    }
    std::vector<ArchivedImage> images = files.images();
    if (images.size() != 1) refuse("its " + printable(path) + " holds several images");
    add(service, std::move(images.front()));
  }

  void add(const ServiceName& service, ArchivedImage image) {
    for (const ImportedService& known : plan_.services) {
      if (known.name == service) refuse("it has two images for service " + service.str());
    }
    auto found = std::ranges::find_if(images_, [&](const ArchivedImage& known) {
      return known.config == image.config && known.layers == image.layers;
    });
    if (found == images_.end()) found = images_.insert(images_.end(), std::move(image));
    plan_.services.push_back(
        {.name = service, .image = static_cast<std::size_t>(found - images_.begin())});
  }

  /// What cooper wrote says what it holds; what Convox wrote has gzip's checksum alone.
  void check_sums() const {
    if (!sums_) {
      const bool is_ours = std::ranges::any_of(
          paths_, [](const std::string& path) { return path.starts_with("cooper/"); });
      if (is_ours) refuse("its checksums are missing: it is cut off, or was changed");
      return;
    }
    std::map<std::string, std::string> listed;
    for (const std::string_view line : split(*sums_, '\n')) {
      if (line.empty()) continue;
      const auto space = line.find("  ");
      if (space == std::string_view::npos) refuse("its checksums are damaged");
      listed.emplace(line.substr(space + 2), line.substr(0, space));
    }
    for (const auto& [path, digest] : digests_) {
      const auto found = listed.find(path);
      if (found == listed.end()) refuse("its checksums do not name " + printable(path));
      if (found->second != digest)
        refuse("its " + printable(path) + " is damaged: its checksum is another");
    }
    for (const auto& [path, digest] : listed) {
      if (!digests_.contains(path)) refuse("it lacks " + shorten(printable(path), 200));
    }
  }

  ImportPlan finish() {
    if (!facts_) refuse("it is no build's export: it has no build.json");
    if (paths_.contains("index.json") || paths_.contains("manifest.json")) {
      for (ArchivedImage& image : layout_.images()) {
        const ServiceName service = service_of_reference(image);
        add(service, std::move(image));
      }
    }
    if (plan_.services.empty()) refuse("it has no image");
    plan_.from =
        facts_->app.empty() || facts_->id.empty() ? facts_->id : facts_->app + "/" + facts_->id;
    plan_.from = shorten(printable(plan_.from), 200);
    plan_.description = facts_->description;
    plan_.git_sha = printable(facts_->git_sha);
    plan_.manifest = facts_->manifest;
    std::vector<NamedImage> named;
    for (std::size_t i = 0; i < images_.size(); ++i) {
      NamedImage& image = named.emplace_back(NamedImage{.image = &images_[i]});
      for (const ImportedService& service : plan_.services) {
        if (service.image == i) image.references.push_back(options_.reference_of(service.name));
      }
    }
    archive_.finish(named);
    return std::move(plan_);
  }

  const StageOptions& options_;
  std::stop_token stop_;
  ContentBudget budget_;
  StagedArchive archive_;
  ImageFiles layout_{archive_, options_.platform, &budget_};  ///< files of an OCI layout
  std::set<std::string> paths_;
  std::map<std::string, std::string> digests_;  // by path, also within images' archives
  std::optional<std::string> sums_;
  std::optional<BuildFacts> facts_;
  std::vector<ArchivedImage> images_;
  ImportPlan plan_;
};

/// "nginx" is "docker.io/library/nginx:latest", as everywhere.
std::string full_name(std::string name) {
  const auto slash = name.find('/');
  const bool has_host = slash != std::string::npos &&
                        (name.substr(0, slash).find_first_of(".:") != std::string::npos ||
                         name.starts_with("localhost/"));
  if (!has_host) name = (slash == std::string::npos ? "docker.io/library/" : "docker.io/") + name;
  if (name.find_first_of(":@", name.rfind('/')) == std::string::npos) name += ":latest";
  return name;
}

/// The one of this name; the only one, if it has none.
ArchivedImage the_image(std::vector<ArchivedImage> images, const std::string& wanted) {
  if (images.size() == 1 && images.front().names.empty()) return std::move(images.front());
  std::vector<std::string> names;
  for (ArchivedImage& image : images) {
    for (const std::string& name : image.names) {
      // Tools of the OCI may give the tag alone.
      const bool is_tag_alone = images.size() == 1 && name.find('/') == std::string::npos &&
                                name.find(':') == std::string::npos;
      if (is_tag_alone || full_name(name) == full_name(wanted)) return std::move(image);
      names.push_back(printable(name));
    }
  }
  throw Error(
      Errc::invalid, "the archive holds no image " + printable(wanted),
      names.empty() ? "its images have no names" : "it holds " + shorten(join(names, ", "), 300));
}

}  // namespace

ImportPlan stage_bundle(int in, const StageOptions& options, std::stop_token stop) {
  return BundleStage(options, std::move(stop)).run(in);
}

ImportPlan stage_image(int in, const std::string& image, const ServiceName& service,
                       const StageOptions& options, std::stop_token stop) {
  StagedArchive archive(options.files.images);
  ContentBudget budget = budget_of(options, stop);
  ImageFiles files(archive, options.platform, &budget);
  PipeFeed feed([&](int out) { unwrap(in, out, stop); });
  read_fed(feed, [&] {
    ArchiveReader reader(feed.fd(), stop);
    while (const auto entry = reader.next()) files.take(*entry, reader);
  });
  const ArchivedImage found = the_image(files.images(), image);
  const std::array named = {
      NamedImage{.image = &found, .references = {options.reference_of(service)}}};
  archive.finish(named);
  return {.from = image,
          .description = "",
          .git_sha = "",
          .manifest = "",
          .services = {{.name = service, .image = 0}}};
}

}  // namespace cooper::bundle
