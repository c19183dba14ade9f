#include "build/export_build.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "bundle/build_facts.h"
#include "bundle/image_files.h"
#include "engine/choose.h"
#include "engine/platform.h"
#include "model/json.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <exception>
#include <fcntl.h>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <poll.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace cooper::build {

namespace {

void require_exportable(const Build& build) {
  const std::string name = "build " + build.id.str();
  if (!is_terminal(build.status)) {
    throw Error(
        Errc::conflict, name + " has not ended",
        "wait for it: cooper builds logs " + build.id.str() + " --follow -a " + build.app.str());
  }
  if (build.kind == Kind::deploy) {
    throw Error(Errc::invalid, name + " is a deploy: it has made no images",
                "export the build of its release: cooper releases info " + build.release + " -a " +
                    build.app.str());
  }
  if (build.status != Status::succeeded || build.images.empty()) {
    throw Error(Errc::invalid,
                name + " has no images: it " + (build.status == Status::canceled ? "was " : "") +
                    std::string(to_string(build.status)),
                "export one that succeeded: cooper builds -a " + build.app.str());
  }
}

/// "reference@sha256:..." in a record's or release's images.
std::string reference_of(const std::string& image) { return image.substr(0, image.rfind('@')); }
std::string digest_of(const std::string& image) { return image.substr(image.rfind('@') + 1); }

/// What the engine writes of an image, through a FIFO.
class EngineStream {
 public:
  EngineStream(engine::ImageKeeper& keeper, const std::string& reference,
               const std::filesystem::path& fifo, std::stop_token stop)
      : path_(fifo), at_stop_(std::move(stop), [this] { stop_.request_stop(); }) {
    if (::mkfifo(fifo.c_str(), 0600) != 0) throw_errno("make " + fifo.string());
    // Open for both, the engine need not wait to open it, and there is no end before it has ended.
    Fd both = open_file(fifo, O_RDWR);
    read_ = open_file(fifo, O_RDONLY);
    thread_ = std::thread([this, &keeper, reference, both = std::move(both)]() mutable {
      try {
        keeper.write_archive(reference, path_, stop_.get_token());
      } catch (...) {  // boundary: a thread's top; finish() throws it on
        if (!left_) failure_ = std::current_exception();
      }
      both.reset();
      ended_ = true;
    });
  }
  ~EngineStream() {
    leave();
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  EngineStream(const EngineStream&) = delete;
  EngineStream& operator=(const EngineStream&) = delete;

  int fd() const { return read_.get(); }
  /// For a reader who is at the end, or goes without it. Throws what kept the engine from it.
  void finish() {
    leave();
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

 private:
  /// Whoever writes into a FIFO, or opens it, needs a reader until he has heard of the end.
  void leave() {
    constexpr int kLook = 20;  // ms
    left_ = true;
    stop_.request_stop();
    std::array<char, 65536> rest;
    while (!ended_) {
      pollfd waits{.fd = read_.get(), .events = POLLIN, .revents = 0};
      if (::poll(&waits, 1, kLook) > 0 && ::read(read_.get(), rest.data(), rest.size()) < 0) break;
    }
    if (thread_.joinable()) thread_.join();
  }

  std::filesystem::path path_;
  Fd read_;
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> at_stop_;
  std::atomic<bool> left_ = false;  // what fails now is no news
  std::atomic<bool> ended_ = false;
  std::exception_ptr failure_;  // read once the thread has ended
  std::thread thread_;
};

class Export {
 public:
  Export(const store::FileStore& store, const Build& build, const ExportOptions& options,
         std::stop_token stop)
      : store_(store),
        build_(build),
        options_(options),
        stop_(std::move(stop)),
        spool_(options.scratch, bundle::compressor_of(options.form)) {}

  void run(int out) {
    open_keeper();
    read_images();
    write(out);
  }

 private:
  void open_keeper() {
    keeper_ = engine::keeper_of(build_.engine, {.build = build_.id,
                                                .work = options_.scratch,
                                                .cache = store_.layout().cache(),
                                                .since = build_.started_at.at});
    if (!keeper_) {
      throw Error(Errc::invalid,
                  "the images of build " + build_.id.str() +
                      " are in no engine here: " + build_.engine + " keeps none",
                  build_.pushed.empty()
                      ? "only builds by docker and buildah can be exported"
                      : "take over what it pushed: cooper builds import-image " +
                            reference_of(build_.pushed.begin()->second) + ", and export that");
    }
    std::vector<std::string> names;
    for (const engine::KeptImage& image :
         keeper_->find_images("localhost/" + build_.app.str() + ":")) {
      std::ranges::copy(image.names, std::back_inserter(names));
    }
    for (const auto& [service, image] : build_.images) {
      if (std::ranges::find(names, reference_of(image)) != names.end()) continue;
      throw Error(
          Errc::not_found,
          "the image of service " + service + " is gone: " + build_.engine + " has no " +
              printable(reference_of(image)),
          "build again: cooper builds retry " + build_.id.str() + " -a " + build_.app.str());
    }
  }

  /// Each once, whichever services it is for.
  void read_images() {
    bundle::ImageFiles files(spool_, engine::host_platforms().front(), nullptr);
    for (const auto& [service, image] : build_.images) {
      const std::string digest = digest_of(image);
      if (images_.contains(digest)) continue;
      files.begin_next();
      EngineStream stream(*keeper_, reference_of(image), options_.scratch / "image.fifo", stop_);
      try {
        source::ArchiveReader reader(stream.fd(), stop_);
        while (const auto entry = reader.next()) files.take(*entry, reader);
      } catch (const Error& error) {  // adapter: the engine's own failure tells the cause
        if (error.code() != Errc::canceled) stream.finish();
        throw;
      }
      stream.finish();
      std::vector<bundle::ArchivedImage> found = files.images();
      if (found.size() != 1) {
        throw Error(Errc::engine, "the engine's archive of " + service + " has several images");
      }
      images_.emplace(digest, std::move(found.front()));
    }
  }

  void write(int out) {
    const std::optional<Release> release = find_release();
    std::string manifest = release ? release->manifest : "";
    if (manifest.empty()) manifest = manifest_of_services();
    const auto ended = build_.finished_at.value_or(build_.started_at).at.time_since_epoch();
    bundle::BundleWriter writer(
        out, spool_,
        {.form = options_.form,
         .build = build_.id.str(),
         .mtime = std::chrono::duration_cast<std::chrono::seconds>(ended).count()},
        stop_);
    writer.text("build.json", bundle::to_build_json(build_, manifest), 0600);
    writer.text("cooper/record.json", to_json(build_));
    if (release) writer.text("cooper/release.json", bundle::to_release_json(*release));
    const store::BuildFiles files = store_.layout().build(build_.app, build_.id);
    for (const auto& [path, file] :
         {std::pair{"cooper/log", files.log}, std::pair{"cooper/steps.jsonl", files.steps},
          std::pair{"cooper/provenance.jsonl", files.statement}}) {
      if (const Fd open = find_regular_file(file, O_RDONLY)) writer.file(path, open);
    }
    std::vector<bundle::BundledImage> bundled;
    for (const auto& [service, image] : build_.images) {
      bundled.push_back({.service = service,
                         .reference = reference_of(image),
                         .image = &images_.at(digest_of(image))});
    }
    writer.images(bundled);
    writer.finish();
  }

  std::optional<Release> find_release() const {
    const Result<ReleaseId> id = ReleaseId::parse(build_.release);
    return id ? store_.find_release(build_.app, *id) : std::nullopt;
  }

  /// Of an app that has a Dockerfile alone: Convox needs a manifest.
  std::string manifest_of_services() const {
    std::string text = "services:\n";
    for (const auto& [service, image] : build_.images) text += "  " + service + ":\n    build: .\n";
    return text;
  }

  const store::FileStore& store_;
  const Build& build_;
  const ExportOptions& options_;
  std::stop_token stop_;
  bundle::BlobSpool spool_;
  std::unique_ptr<engine::ImageKeeper> keeper_;
  std::map<std::string, bundle::ArchivedImage> images_;  // by their digests in the record
};

}  // namespace

void export_build(const store::FileStore& store, const Build& build, int out,
                  const ExportOptions& options, std::stop_token stop) {
  require_exportable(build);
  Export(store, build, options, std::move(stop)).run(out);
}

}  // namespace cooper::build
