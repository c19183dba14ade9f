// LocalRack::start_build: from a folder to a running supervisor.

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "build/request.h"
#include "build/start.h"
#include "manifest/manifest.h"
#include "rack/local_rack.h"
#include "source/git_facts.h"
#include "source/pack.h"
#include "store/deploy_lock.h"

#include <chrono>
#include <fcntl.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace cooper::rack {
namespace fs = std::filesystem;

namespace {

/// What a build needs even if `.dockerignore` excludes it, as with Docker. A
/// manifest with a mistake adds nothing here: the build itself reports it.
std::vector<std::string> always_packed(const fs::path& folder, const std::string& manifest) {
  const std::string file = manifest.empty() ? "convox.yml" : manifest;
  std::vector<std::string> paths = {file, "Dockerfile", ".dockerignore"};
  const auto text = read_file(folder / file);
  if (!text) return paths;
  if (const auto parsed = manifest::parse_manifest(*text, {.file_name = file})) {
    for (const manifest::Service& service : parsed->services) {
      if (service.image.empty()) paths.push_back(service.path + "/" + service.dockerfile);
    }
  }
  return paths;
}

/// What was stored for a build that never came to be goes again.
class StoredSource {
 public:
  explicit StoredSource(store::BuildFiles files) : files_(std::move(files)) {}
  ~StoredSource() {
    if (kept_) return;
    ::unlink(files_.source.c_str());
    ::unlink(files_.request.c_str());
  }
  StoredSource(const StoredSource&) = delete;
  StoredSource& operator=(const StoredSource&) = delete;
  void keep() { kept_ = true; }

 private:
  store::BuildFiles files_;
  bool kept_ = false;
};

void pack_durably(const source::PackOptions& options, const fs::path& target,
                  StartProgress& progress, std::stop_token stop) {
  make_folders(target.parent_path(), 0700);
  const fs::path temporary =
      target.parent_path() / (std::string(kTemporaryPrefix) + target.filename().string());
  try {
    const Fd out = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, 0600);
    const source::PackResult packed = source::pack(options, out.get(), std::move(stop));
    for (const std::string& warning : packed.warnings) progress.notice("warning: " + warning);
    if (::fsync(out.get()) != 0) throw_errno("fsync " + temporary.string());
    if (::rename(temporary.c_str(), target.c_str()) != 0) {
      throw_errno("rename " + temporary.string());
    }
  } catch (const Error&) {  // adapter: nothing of a broken archive stays
    ::unlink(temporary.c_str());
    throw;
  }
  sync_folder(target.parent_path());
}

store::DeployLock wait_for_lock(const store::Layout& layout, const AppName& app,
                                StartProgress& progress, const std::stop_token& stop) {
  using namespace std::chrono_literals;
  bool said = false;
  for (;;) {
    if (auto lock = store::DeployLock::try_acquire(layout, app)) return std::move(*lock);
    if (stop.stop_requested()) throw Error(Errc::canceled, "canceled before the build began");
    if (!said) {
      const std::string holder = store::DeployLock::holder(layout, app);
      progress.notice("app " + app.str() + " is being deployed" +
                      (holder.empty() ? "" : " by build " + holder) + ": waiting for its turn");
      said = true;
    }
    std::this_thread::sleep_for(50ms);
  }
}

}  // namespace

void LocalRack::store_source(const StartBuild& start, const BuildId& id, StartProgress& progress,
                             std::stop_token stop) {
  progress.phase("Packaging source");
  Result<source::IgnoreRules> ignore = source::read_ignore_rules(start.folder);
  const source::PackOptions options{
      .folder = start.folder,
      .ignore = std::move(ignore.value()),
      .always = always_packed(start.folder, start.request.manifest),
  };
  pack_durably(options, layout_.build(start.app, id).source, progress, std::move(stop));
  progress.phase_done();

  progress.phase("Uploading source");
  build::BuildRequest request = start.request;
  if (request.description.empty() || request.git_sha.empty()) {
    const auto facts = source::git_facts(start.folder);
    if (request.description.empty()) request.description = source::default_description(facts);
    if (request.git_sha.empty() && facts) request.git_sha = facts->sha;
  }
  write_file_durably(layout_.build(start.app, id).request, build::to_json(request), 0600);
  progress.phase_done();
}

Build LocalRack::start_build(const StartBuild& start, StartProgress& progress,
                             std::stop_token stop) {
  std::error_code ignored;
  if (!fs::is_directory(start.folder, ignored)) {
    throw Error(fs::exists(start.folder, ignored) ? Errc::invalid : Errc::not_found,
                start.folder.string() + " is no folder", "name the folder that is to be built");
  }
  if (!store_.find_app(start.app)) store_.create_app(start.app);
  const BuildId id = new_build_id();
  StoredSource stored(layout_.build(start.app, id));
  store_source(start, id, progress, stop);

  store::DeployLock lock = wait_for_lock(layout_, start.app, progress, stop);
  progress.phase("Starting build");
  build::start_supervisor(layout_, start.app, id, lock);
  stored.keep();
  progress.phase_done();
  return require_build(start.app, id);
}

}  // namespace cooper::rack
