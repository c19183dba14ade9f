#include "rack/uploads.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "model/json.h"
#include "rack/starting.h"
#include "store/folders.h"

#include <boost/json.hpp>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace cooper::rack {
namespace json = boost::json;

namespace {

/// No object's key begins so.
constexpr std::string_view kPrefix = ".upload-";
constexpr std::string_view kPlanSuffix = ".json";
/// Archives of the app's newest builds in which pieces are looked for: each is read as a whole.
constexpr std::size_t kMostArchives = 3;
/// Unfinished ones of an app; older ones go.
constexpr std::size_t kMostUnfinished = 8;
constexpr std::size_t kMostPlanBytes = std::size_t{32} << 20;

std::string part_name(const Digest& archive) { return std::string(kPrefix) + archive.str(); }
std::string plan_name(const Digest& archive) {
  return part_name(archive) + std::string(kPlanSuffix);
}

std::string to_json(const UploadPlan& plan) {
  json::array pieces;
  for (const source::ArchivePiece& piece : plan.pieces) {
    pieces.push_back(json::object{{"digest", piece.digest}, {"bytes", piece.bytes}});
  }
  return json::serialize(json::object{{"pieces", std::move(pieces)}}) + "\n";
}

/// nullopt for what is no plan.
std::optional<UploadPlan> parse_plan(const Digest& archive, std::string_view text) {
  boost::system::error_code failure;
  const json::value value = json::parse(text, failure);
  const json::object* object = failure ? nullptr : value.if_object();
  const json::value* listed = object ? object->if_contains("pieces") : nullptr;
  if (!listed || !listed->is_array()) return std::nullopt;
  std::vector<source::ArchivePiece> pieces;
  for (const json::value& each : listed->get_array()) {
    const json::object* piece = each.if_object();
    const json::value* digest = piece ? piece->if_contains("digest") : nullptr;
    const json::value* bytes = piece ? piece->if_contains("bytes") : nullptr;
    if (!digest || !digest->is_string() || !bytes) return std::nullopt;
    boost::system::error_code no_number;
    const auto count = bytes->to_number<std::uint64_t>(no_number);
    if (no_number) return std::nullopt;
    pieces.push_back({.bytes = count, .digest = std::string(digest->get_string())});
  }
  auto plan = make_upload_plan(archive.str(), std::move(pieces), UINT64_MAX);
  if (!plan) return std::nullopt;
  return *std::move(plan);
}

/// An empty descriptor if there is none.
Fd find_file(const Fd& folder, const std::string& name, int flags) {
  try {
    return open_beneath(folder, name, flags | O_NOFOLLOW | O_NONBLOCK);
  } catch (const Error& error) {  // adapter: absence is an answer
    if (error.code() != Errc::not_found) throw;
    return {};
  }
}

std::optional<UploadPlan> read_plan(const Fd& folder, const Digest& archive) {
  const Fd file = find_file(folder, plan_name(archive), O_RDONLY);
  if (!file) return std::nullopt;
  return parse_plan(archive, read_open_file(file, plan_name(archive), kMostPlanBytes));
}

Error not_begun() {
  return {Errc::not_found, "there is no such upload, or it has expired",
          "begin it again: what has come and is still there is not sent twice"};
}

void copy_range(int from, std::uint64_t from_offset, int to, std::uint64_t to_offset,
                std::uint64_t bytes) {
  std::string block(std::min<std::uint64_t>(bytes, std::uint64_t{256} << 10), '\0');
  while (bytes > 0) {
    const ssize_t got = ::pread(from, block.data(), std::min<std::uint64_t>(bytes, block.size()),
                                static_cast<off_t>(from_offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno("read a piece");
    if (got == 0) throw Error(Errc::corrupt, "a piece became shorter while it was read");
    for (ssize_t put = 0; put < got;) {
      const ssize_t n = ::pwrite(to, block.data() + put, static_cast<std::size_t>(got - put),
                                 static_cast<off_t>(to_offset) + put);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw_errno("write a piece");
      put += n;
    }
    from_offset += static_cast<std::uint64_t>(got);
    to_offset += static_cast<std::uint64_t>(got);
    bytes -= static_cast<std::uint64_t>(got);
  }
}

void make_durable(const Fd& file) {
  if (::fdatasync(file.get()) != 0) throw_errno("fdatasync an upload");
}

struct stat status_of(const Fd& file) {
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) throw_errno("stat an upload");
  return info;
}

/// What of an archive is not there yet, and where it belongs.
class Missing {
 public:
  Missing(const UploadPlan& plan, const Fd& part) : plan_(plan), part_(part) {
    for (const source::ArchivePiece& piece : plan.pieces) places_[piece.digest].push_back(&piece);
  }

  bool none() const { return places_.empty(); }
  bool wants(const std::string& digest) const { return places_.contains(digest); }

  /// Drops those that the file has already in their places.
  void look(const std::stop_token& stop) {
    std::erase_if(places_, [&](const auto& one) {
      if (stop.stop_requested()) throw Error(Errc::canceled, "the upload was canceled");
      return std::ranges::all_of(one.second, [&](const source::ArchivePiece* piece) {
        return source::digest_of_range(part_.get(), piece->offset, piece->bytes) == one.first;
      });
    });
  }

  /// From another file, whose bytes there are that piece's.
  void take(const std::string& digest, const Fd& from, std::uint64_t offset) {
    const auto found = places_.find(digest);
    if (found == places_.end()) return;
    for (const source::ArchivePiece* piece : found->second) {
      copy_range(from.get(), offset, part_.get(), piece->offset, piece->bytes);
    }
    places_.erase(found);
  }

  std::vector<std::string> digests() const {
    std::vector<std::string> digests;
    std::set<std::string> told;
    for (const source::ArchivePiece& piece : plan_.pieces) {
      if (wants(piece.digest) && told.insert(piece.digest).second) digests.push_back(piece.digest);
    }
    return digests;
  }

 private:
  const UploadPlan& plan_;
  const Fd& part_;
  std::map<std::string, std::vector<const source::ArchivePiece*>> places_;
};

/// From the archives of the app's newest builds.
void take_from_builds(const store::Layout& layout, const AppName& app, Missing& missing,
                      const std::stop_token& stop) {
  std::vector<std::string> names = list_folder(layout.sources(app));
  std::erase_if(names, [](const std::string& name) { return !name.ends_with(".tar.zst"); });
  std::ranges::sort(names, std::greater());
  std::set<std::pair<dev_t, ino_t>> seen;  // builds of the same source share a file
  for (const std::string& name : names) {
    if (missing.none() || seen.size() == kMostArchives) return;
    const Fd archive(::open((layout.sources(app) / name).c_str(),
                            O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!archive) continue;
    const struct stat info = status_of(archive);
    if (!S_ISREG(info.st_mode) || !seen.emplace(info.st_dev, info.st_ino).second) continue;
    for (const source::ArchivePiece& piece : source::archive_pieces(archive.get(), stop)) {
      missing.take(piece.digest, archive, piece.offset);
    }
  }
}

/// Digests of the app's unfinished archives, the newest first.
std::vector<Digest> unfinished(const Fd& folder) {
  std::vector<std::pair<std::int64_t, Digest>> found;
  for (const std::string& name : list_folder(folder)) {
    if (!name.starts_with(kPrefix)) continue;
    const auto archive = Digest::parse(std::string_view(name).substr(kPrefix.size()));
    struct stat info {};
    if (!archive || ::fstatat(folder.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      continue;
    }
    found.emplace_back(info.st_mtim.tv_sec, *archive);
  }
  std::ranges::sort(found, std::greater());
  std::vector<Digest> archives;
  for (auto& [time, archive] : found) archives.push_back(std::move(archive));
  return archives;
}

void take_from_unfinished(const Fd& folder, const Digest& but, Missing& missing,
                          const std::stop_token& stop) {
  for (const Digest& archive : unfinished(folder)) {
    if (missing.none()) return;
    const auto plan = archive == but ? std::nullopt : read_plan(folder, archive);
    const Fd part = plan ? find_file(folder, part_name(archive), O_RDONLY) : Fd();
    if (!part) continue;
    for (const source::ArchivePiece& piece : plan->pieces) {
      if (stop.stop_requested()) throw Error(Errc::canceled, "the upload was canceled");
      if (missing.wants(piece.digest) &&
          source::digest_of_range(part.get(), piece.offset, piece.bytes) == piece.digest) {
        missing.take(piece.digest, part, piece.offset);
      }
    }
  }
}

void remove_both(const Fd& folder, const Digest& archive) {
  ::unlinkat(folder.get(), plan_name(archive).c_str(), 0);
  ::unlinkat(folder.get(), part_name(archive).c_str(), 0);
}

void remove_oldest(const Fd& folder) {
  const std::vector<Digest> archives = unfinished(folder);
  for (std::size_t i = kMostUnfinished; i < archives.size(); ++i) {
    const Fd part = find_file(folder, part_name(archives[i]), O_RDONLY);
    if (part && ::flock(part.get(), LOCK_EX | LOCK_NB) != 0) continue;  // somebody is busy with it
    remove_both(folder, archives[i]);
  }
}

}  // namespace

bool DigestRule::check(std::string_view text) noexcept {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

Error DigestRule::refuse(std::string_view text) {
  return {Errc::invalid, "\"" + shorten(printable(text), 80) + "\" is no SHA-256",
          "expected 64 lower-case hexadecimal digits"};
}

Result<UploadPlan> make_upload_plan(std::string_view archive,
                                    std::vector<source::ArchivePiece> pieces,
                                    std::uint64_t most_bytes) {
  auto whole = Digest::parse(archive);
  if (!whole) return whole.error();
  std::uint64_t offset = 0;
  for (source::ArchivePiece& piece : pieces) {
    if (const auto digest = Digest::parse(piece.digest); !digest) return digest.error();
    if (piece.bytes == 0 || piece.bytes > source::kMostPieceBytes) {
      return Error(Errc::invalid, "a piece has 1 byte to " + human_bytes(source::kMostPieceBytes));
    }
    piece.offset = offset;
    offset += piece.bytes;
    if (offset > most_bytes) {
      return Error(Errc::invalid, "the archive is larger than " + human_bytes(most_bytes));
    }
  }
  if (pieces.empty()) return Error(Errc::invalid, "an archive has at least one piece");
  return UploadPlan{.archive = *std::move(whole), .pieces = std::move(pieces)};
}

Fd Uploads::folder(const AppName& app) const {
  return store::make_folder(layout_, layout_.objects(app), 0700);
}

std::vector<std::string> Uploads::begin(const AppName& app, const UploadPlan& plan,
                                        const std::stop_token& stop) {
  const Fd objects = folder(app);
  const Fd part =
      open_beneath(objects, part_name(plan.archive), O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
  mark_in_use(part);
  write_file_durably(objects, plan_name(plan.archive), to_json(plan), 0600);
  const bool is_new = status_of(part).st_size == 0;
  const source::ArchivePiece& last = plan.pieces.back();
  if (::ftruncate(part.get(), static_cast<off_t>(last.offset + last.bytes)) != 0) {
    throw_errno("make room for an upload");
  }
  Missing missing(plan, part);
  if (!is_new) missing.look(stop);
  take_from_builds(layout_, app, missing, stop);
  take_from_unfinished(objects, plan.archive, missing, stop);
  make_durable(part);
  ::futimens(part.get(), nullptr);  // it is used: prune looks at this
  remove_oldest(objects);
  return missing.digests();
}

void Uploads::add(const AppName& app, const Digest& archive, const Digest& piece, const Fd& bytes) {
  const Fd objects = folder(app);
  const auto plan = read_plan(objects, archive);
  const Fd part = plan ? find_file(objects, part_name(archive), O_RDWR) : Fd();
  if (!part) throw not_begun();
  mark_in_use(part);
  const auto size = static_cast<std::uint64_t>(status_of(bytes).st_size);
  const auto is_it = [&](const source::ArchivePiece& one) { return one.digest == piece.str(); };
  const auto known = std::ranges::find_if(plan->pieces, is_it);
  if (known == plan->pieces.end()) {
    throw Error(Errc::invalid, "the upload has no such piece");
  }
  if (known->bytes != size || source::digest_of_range(bytes.get(), 0, size) != piece.str()) {
    throw Error(Errc::invalid, "what came is not the piece that its name says",
                "it was changed on its way: send it again");
  }
  for (const source::ArchivePiece& place : plan->pieces) {
    if (is_it(place)) copy_range(bytes.get(), 0, part.get(), place.offset, place.bytes);
  }
  make_durable(part);
}

Fd Uploads::finish(const AppName& app, const Digest& archive) {
  const Fd objects = folder(app);
  Fd part = find_file(objects, part_name(archive), O_RDONLY);
  if (!part) throw not_begun();
  mark_in_use(part);
  const auto size = static_cast<std::uint64_t>(status_of(part).st_size);
  if (source::digest_of_range(part.get(), 0, size) != archive.str()) {
    throw Error(Errc::conflict, "the upload is not complete",
                "begin it again: the answer says what is missing");
  }
  return part;
}

void Uploads::remove(const AppName& app, const Digest& archive) {
  remove_both(folder(app), archive);
}

}  // namespace cooper::rack
