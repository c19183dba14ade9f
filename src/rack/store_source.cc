#include "rack/store_source.h"

#include "base/error.h"
#include "base/file.h"
#include "build/provenance.h"
#include "rack/starting.h"
#include "source/repack.h"
#include "source/stat_cache.h"
#include "source/tree_digest.h"
#include "store/folders.h"

#include <algorithm>
#include <fcntl.h>
#include <functional>
#include <optional>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace cooper::rack {
namespace fs = std::filesystem;

namespace {

/// Of files that are not in the stat cache, so much is read to see whether anything
/// changed; if there is more, packing, which reads all, is begun at once.
constexpr std::uint64_t kMostRead = std::uint64_t{16} << 20;
/// Of the app's newest builds.
constexpr std::size_t kMostRequests = 20;

std::optional<source::TreeDigest> digest_of(const source::PackOptions& options,
                                            source::TreeList& list, const std::stop_token& stop) {
  try {
    return source::quick_tree_digest(
        {.root = options.folder,
         .filter = {.exclude = options.ignore, .include = std::nullopt, .always = options.always},
         .cache = options.cache,
         .list = &list},
        kMostRead, stop);
  } catch (const Error& error) {  // adapter: what really hinders, packing will say
    if (error.code() == Errc::canceled) throw;
    return std::nullopt;
  }
}

/// A build of the app whose archive may be of use.
struct EarlierBuild {
  fs::path archive;
  build::BuildRequest request;
};

/// Newest first.
std::vector<EarlierBuild> earlier_builds(const store::Layout& layout, const AppName& app) {
  constexpr std::string_view kSuffix = ".json";
  std::vector<std::string> names = list_folder(layout.sources(app));
  std::erase_if(names, [&](const std::string& name) {
    return !name.ends_with(kSuffix) ||
           !BuildId::parse(std::string_view(name).substr(0, name.size() - kSuffix.size()));
  });
  std::ranges::sort(names, std::greater());
  if (names.size() > kMostRequests) names.resize(kMostRequests);
  std::vector<EarlierBuild> builds;
  for (const std::string& name : names) {
    const auto text = read_file(layout.sources(app) / name);
    auto request = build::parse_request(text.value_or(""));
    if (!request || request->tree.empty()) continue;
    const std::string id = name.substr(0, name.size() - kSuffix.size());
    builds.push_back({layout.build(app, *BuildId::parse(id)).source, *std::move(request)});
  }
  return builds;
}

/// nullopt if it is not there (any more), or has another size.
std::optional<Fd> open_archive(const EarlierBuild& build) {
  Fd file(::open(build.archive.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode) ||
      static_cast<std::uint64_t>(info.st_size) != build.request.archive_bytes) {
    return std::nullopt;
  }
  return file;
}

/// One more name for the archive of an earlier build that has the same source.
std::optional<SourceStored> link_same(const std::vector<EarlierBuild>& builds,
                                      const fs::path& target, const std::string& tree) {
  for (const EarlierBuild& build : builds) {
    if (build.request.tree != tree) continue;
    auto file = open_archive(build);
    if (!file) continue;
    mark_in_use(*file);  // before its new name, which has no record, can be seen
    if (::link(build.archive.c_str(), target.c_str()) != 0) continue;
    return SourceStored{.file = *std::move(file),
                        .tree = tree,
                        .archive = build.request.archive,
                        .bytes = build.request.archive_bytes};
  }
  return std::nullopt;
}

/// The newest archive that is there, if it is as it was when it was packed: what is taken
/// over from a damaged one would be damaged in every build from then on.
std::optional<Fd> intact_archive(const std::vector<EarlierBuild>& builds) {
  for (const EarlierBuild& build : builds) {
    auto file = open_archive(build);
    if (!file) continue;
    const fs::path opened = fs::path("/proc/self/fd") / std::to_string(file->get());
    if (build::digest_of_file(opened) == build.request.archive) return file;
    break;
  }
  return std::nullopt;
}

source::PackResult pack_into(int out, const source::PackOptions& options,
                             const source::TreeList* list, const std::vector<EarlierBuild>& builds,
                             std::stop_token stop) {
  if (list) {
    if (const auto earlier = intact_archive(builds)) {
      if (auto packed = source::repack(options, *list, earlier->get(), out, stop)) {
        return *std::move(packed);
      }
    }
  }
  return source::pack(options, out, std::move(stop));
}

/// `list`: what the folder holds; nullptr if that is not known.
SourceStored pack(const fs::path& target, const source::PackOptions& options,
                  const source::TreeList* list, const std::vector<EarlierBuild>& builds,
                  std::stop_token stop) {
  const fs::path temporary =
      target.parent_path() / (std::string(kTemporaryPrefix) + target.filename().string());
  try {
    Fd out = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, 0600);
    mark_in_use(out);
    source::PackResult packed = pack_into(out.get(), options, list, builds, std::move(stop));
    std::string archive = build::digest_of_file(temporary);
    if (::fsync(out.get()) != 0) throw_errno("fsync " + temporary.string());
    if (::rename(temporary.c_str(), target.c_str()) != 0) {
      throw_errno("rename " + temporary.string());
    }
    return {.file = std::move(out),
            .tree = hex(packed.tree),
            .archive = std::move(archive),
            .bytes = packed.archive_bytes,
            .taken_bytes = packed.taken_bytes,
            .warnings = std::move(packed.warnings)};
  } catch (const Error& error) {  // adapter: nothing of a broken archive stays
    ::unlink(temporary.c_str());
    throw Error(error).while_doing("pack " + options.folder.string() + " into " + target.string());
  }
}

}  // namespace

SourceStored store_source(const store::Layout& layout, const AppName& app, const BuildId& id,
                          source::PackOptions options, FilesSeen seen, std::stop_token stop) {
  std::optional<source::StatCache> cache;
  if (seen == FilesSeen::again) options.cache = &cache.emplace(layout.stat_cache(app));
  const fs::path target = layout.build(app, id).source;
  store::make_folder(layout, target.parent_path(), 0700);
  const std::vector<EarlierBuild> builds = earlier_builds(layout, app);
  source::TreeList list;
  auto digest = digest_of(options, list, stop);
  std::optional<SourceStored> stored;
  if (digest) stored = link_same(builds, target, hex(digest->digest));
  if (!stored) stored = pack(target, options, digest ? &list : nullptr, builds, std::move(stop));
  if (digest && stored->warnings.empty()) stored->warnings = std::move(digest->warnings);
  if (!cache) return *std::move(stored);
  try {
    store::make_folder(layout, layout.stat_cache(app).parent_path(), 0700);
    cache->save();
  } catch (const Error&) {  // boundary: the next build reads more, no more than that
  }
  return *std::move(stored);
}

}  // namespace cooper::rack
