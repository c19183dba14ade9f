#include "remote/source_upload.h"

#include "base/error.h"
#include "base/file.h"
#include "build/request.h"
#include "model/json_values.h"
#include "rack/folder_source.h"
#include "rack/store_source.h"
#include "store/folders.h"

#include <boost/json/array.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <fcntl.h>
#include <iterator>
#include <map>
#include <thread>

namespace cooper::remote {
namespace json = boost::json;

namespace {

/// How long a server may be away in mid-upload.
constexpr std::chrono::seconds kPatience{60};
constexpr std::chrono::milliseconds kPause{250};
/// How often a server may have lost what was sent to it.
constexpr int kMostLosses = 20;
/// Packed sources of an app that stay here.
constexpr std::ptrdiff_t kMostKept = 2;

void keep_newest(const store::Layout& cache, const AppName& app) {
  std::vector<BuildId> ids = store::ids_of<BuildId>(list_folder(cache.sources(app)), ".json");
  if (std::ssize(ids) <= kMostKept) return;
  ids.erase(ids.end() - kMostKept, ids.end());  // ascending: the older ones are left
  for (const BuildId& id : ids) {
    remove_file(cache.build(app, id).source);
    remove_file(cache.build(app, id).request);
  }
}

/// Waits between two tries, as long as that makes sense.
class Patience {
 public:
  explicit Patience(const std::stop_token& stop) : stop_(stop) {}

  void something_came() { deadline_ = std::chrono::steady_clock::now() + kPatience; }
  /// Throws the error once there is no more sense in it.
  void wait(const Error& error) {
    if (std::chrono::steady_clock::now() > deadline_) throw Error(error);
    if (stop_.stop_requested()) throw Error(Errc::canceled, "canceled before the build began");
    std::this_thread::sleep_for(kPause);
  }

 private:
  const std::stop_token& stop_;
  std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::now() + kPatience;
};

class Upload {
 public:
  Upload(ApiClient& api, const AppName& app, const PackedSource& source, UploadWatcher& watcher,
         rack::StartProgress& progress, const std::stop_token& stop)
      : api_(api),
        path_("/v1/apps/" + app.str() + "/uploads"),
        source_(source),
        watcher_(watcher),
        progress_(progress),
        stop_(stop),
        patience_(stop) {
    for (source::ArchivePiece& piece : source::archive_pieces(source.file.get(), stop)) {
      order_.push_back(piece);
      places_.emplace(piece.digest, std::move(piece));
    }
  }

  void run() {
    for (std::vector<std::string> missing = begin(); !missing.empty();) {
      const bool is_all = send(missing);
      missing = begin();
      if (is_all && !missing.empty()) forgotten("it lacks pieces that it has taken");
    }
  }

 private:
  json::object plan() const {
    json::array pieces;
    for (const source::ArchivePiece& piece : order_) {
      pieces.push_back(json::object{{"digest", piece.digest}, {"bytes", piece.bytes}});
    }
    return {{"archive", source_.archive}, {"pieces", std::move(pieces)}};
  }

  /// What is missing; asks until there is an answer.
  std::vector<std::string> begin() {
    const HttpRequest request{.method = "POST",
                              .path = path_,
                              .body = to_text(plan()),
                              .type = "application/json",
                              .stop = stop_};
    for (;;) {
      const auto answer = api_.http().send(request);
      if (!answer && !begun_) throw Error(answer.error());
      if (answer) {
        require_good(api_.http().server().url, *answer);
        begun_ = true;
        const json::object object = api_.object_in(answer->body);
        JsonReader reader(object);
        auto missing = reader.list_of_texts("missing");
        if (!reader.problem().empty()) throw api_.not_understood(reader.problem());
        return missing;
      }
      patience_.wait(answer.error());
    }
  }

  /// All of them; false if the connection is cut or the upload has expired: then begin() tells what
  /// is missing.
  bool send(const std::vector<std::string>& missing) {
    std::uint64_t all = 0;
    for (const std::string& digest : missing) all += place_of(digest).bytes;
    std::uint64_t before = 0;
    for (const std::string& digest : missing) {
      const source::ArchivePiece& piece = place_of(digest);
      const auto answer = api_.http().send(
          {.method = "PUT",
           .path = path_ + "/" + source_.archive + "/pieces/" + digest,
           .file = source_.file.get(),
           .offset = piece.offset,
           .bytes = piece.bytes,
           .type = "application/octet-stream",
           .stop = stop_,
           .sent = [&](std::uint64_t sent) { watcher_.sent(before + sent, all); }});
      if (!answer) {
        say_once();
        patience_.wait(answer.error());
        return false;
      }
      if (answer->status == 404) {
        forgotten("it says that there is none");
        return false;
      }
      require_good(api_.http().server().url, *answer);
      patience_.something_came();
      before += piece.bytes;
    }
    return true;
  }

  /// The server has lost what it had, as by a prune: that happens, but not all the time.
  void forgotten(const char* how) {
    Error error(Errc::unavailable, api_.http().server().url + " does not keep the upload: " + how,
                "the server's log may say more");
    if (++losses_ == kMostLosses) throw Error(std::move(error));
    patience_.wait(error);
  }

  const source::ArchivePiece& place_of(const std::string& digest) const {
    const auto found = places_.find(digest);
    if (found == places_.end()) throw api_.not_understood("it asks for a piece that nobody named");
    return found->second;
  }

  void say_once() {
    if (!said_) {
      watcher_.done();
      progress_.notice("the connection was lost: the upload goes on as soon as the server answers");
    }
    said_ = true;
  }

  ApiClient& api_;
  std::string path_;
  const PackedSource& source_;
  UploadWatcher& watcher_;
  rack::StartProgress& progress_;
  const std::stop_token& stop_;
  Patience patience_;
  std::vector<source::ArchivePiece> order_;
  std::map<std::string, source::ArchivePiece> places_;
  int losses_ = 0;
  bool begun_ = false;
  bool said_ = false;
};

}  // namespace

PackedSource pack_for_upload(const store::Layout& cache, const rack::StartBuild& start,
                             const std::stop_token& stop) {
  const BuildId id = new_build_id();
  rack::SourceStored stored = rack::store_source(
      cache, start.app, id, rack::pack_options(start, {}), rack::FilesSeen::again, stop);
  // As the next one looks for it. Nothing else of what was asked for is kept.
  write_file_durably(
      cache.build(start.app, id).request,
      build::to_json(
          {.tree = stored.tree, .archive = stored.archive, .archive_bytes = stored.bytes}),
      0600);
  keep_newest(cache, start.app);
  return {.file = open_file("/proc/self/fd/" + std::to_string(stored.file.get()), O_RDONLY),
          .archive = std::move(stored.archive),
          .warnings = std::move(stored.warnings)};
}

std::string upload_source(ApiClient& api, const AppName& app, const PackedSource& source,
                          UploadWatcher& watcher, rack::StartProgress& progress,
                          const std::stop_token& stop) {
  struct Done {
    UploadWatcher& watcher;
    ~Done() { watcher.done(); }
  };
  const Done done{watcher};
  Upload(api, app, source, watcher, progress, stop).run();
  return source.archive;
}

}  // namespace cooper::remote
