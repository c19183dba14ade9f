// BuildahEngine and what leaves it: archives, pushes, and layers kept for other machines.

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "engine/buildah.h"
#include "engine/buildah_store.h"
#include "engine/push_failure.h"
#include "engine/reachable.h"
#include "engine/registries.h"
#include "engine/registry_auth.h"
#include "process/child.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <functional>
#include <sys/stat.h>
#include <utility>

namespace cooper::engine {

namespace {

constexpr std::chrono::minutes kLookLimit{1};
/// Nobody gives an image this tag: what matters is how the registry says so.
constexpr std::string_view kNoTag = ":cooper.probe";
constexpr std::string_view kErrorMark = "Error: ";

/// Lines of a buildah that moves images, shown as they come; keeps the error.
class TransferSink : public log::Sink {
 public:
  TransferSink(Progress& progress, std::function<bool(std::string_view)> shows)
      : progress_(progress), shows_(std::move(shows)) {}
  void bytes(std::string_view chunk) override {
    partial_ += chunk;
    std::size_t end = 0;
    while ((end = partial_.find('\n')) != std::string::npos) {
      take(std::string_view(partial_).substr(0, end));
      partial_.erase(0, end + 1);
    }
  }
  void idle() override { progress_.idle(); }
  /// No more will come. The last error; empty if there was none.
  const std::string& finish() {
    if (!partial_.empty()) take(std::exchange(partial_, {}));
    return error_;
  }

 private:
  void take(std::string_view line) {
    if (line.starts_with(kErrorMark)) {
      error_ = line.substr(kErrorMark.size());
    } else if (shows_(line)) {
      progress_.output(std::string(line) + "\n");
    }
  }

  Progress& progress_;
  std::function<bool(std::string_view)> shows_;
  std::string partial_;
  std::string error_;
};

/// "pushing image ... to ...: why", "failed pushing cache to {{...}}: why": the log and
/// the reason name the image already.
std::string without_names(std::string_view error, std::string_view lead, std::string_view end) {
  if (!error.starts_with(lead)) return std::string(error);
  const auto at = error.find(end);
  return std::string(at == std::string_view::npos ? error : error.substr(at + end.size()));
}

/// A connection of our own would not take the way that buildah's takes.
bool has_proxy() {
  return std::ranges::any_of(
      std::array{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"},
      [](const char* name) {
        const char* value = std::getenv(name);
        return value && *value;
      });
}

bool is_cache_tag(std::string_view tag) {
  return tag.size() == 64 && tag.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

PushResult BuildahEngine::push(const ImageRequest& image, const std::string& reference,
                               Progress& progress, std::stop_token stop) {
  if (stop.stop_requested()) return {.end = PushResult::End::canceled, .reason = "canceled"};
  prepare();
  const std::filesystem::path digest_file =
      context_.work / ("push-" + std::to_string(++made_) + ".digest");
  TransferSink sink(progress, [](std::string_view) { return true; });
  const process::ExitStatus status =
      stream({host_.program, "push", "--digestfile", digest_file.string(), image.tags.front(),
              "docker://" + reference},
             environment(), sink, stop);
  const std::string error = sink.finish();
  const std::string digest(trim(read_file(digest_file).value_or("")));
  remove_file(digest_file);
  if (status.ok() && digest.starts_with("sha256:")) {
    return {.end = PushResult::End::pushed, .digest = digest};
  }
  if (stop.stop_requested()) return {.end = PushResult::End::canceled, .reason = "canceled"};
  if (error.empty()) return failed_push("buildah push failed without a word");
  return failed_push(without_names(error, "pushing image ", reference + "\": "));
}

SaveResult BuildahEngine::save(const ImageRequest& /*image*/, const std::string& reference,
                               const std::filesystem::path& file, Progress& progress,
                               std::stop_token stop) {
  if (stop.stop_requested()) return {.end = SaveResult::End::canceled, .reason = "canceled"};
  prepare();
  // A name of ours: to buildah a colon in the path would end it.
  const std::filesystem::path link = context_.work / ("save-" + std::to_string(++made_) + ".tar");
  std::filesystem::create_symlink(file, link);
  TransferSink sink(progress, [](std::string_view) { return true; });
  const process::ExitStatus status = stream(
      {host_.program, "push", reference, "docker-archive:" + link.string() + ":" + reference},
      environment(), sink, stop);
  const std::string error = sink.finish();
  remove_file(link);
  if (status.ok()) return {.end = SaveResult::End::saved, .reason = {}};
  if (stop.stop_requested()) return {.end = SaveResult::End::canceled, .reason = "canceled"};
  if (error.empty()) return {.reason = "buildah push failed without a word"};
  return {.reason =
              shorten(printable(without_names(error, "pushing image ", reference + "\": ")), 300)};
}

void BuildahEngine::write_archive(const std::string& reference, const std::filesystem::path& file,
                                  std::stop_token stop) {
  constexpr std::chrono::hours kLimit{6};  // of the largest image, to the slowest reader
  prepare();
  const process::Captured saved =
      ask({"push", "--quiet", reference, "docker-archive:" + file.string() + ":" + reference},
          kLimit, std::move(stop));
  if (saved.status.ok()) return;
  const std::string_view error = trim(saved.err);
  const auto at = error.rfind(kErrorMark);
  throw Error(Errc::engine,
              "image " + printable(reference) + " can't be read: " +
                  shorten(printable(error.substr(at == std::string_view::npos ? 0 : at)), 300));
}

ImageResult BuildahEngine::load(const ImageRequest& request, Progress& progress,
                                std::stop_token stop) {
  const std::string& name = request.tags.front();
  progress.step_started("LOAD " + name);
  // Relative to the working folder: to buildah a colon in the path would end it.
  const std::string archive = request.archive.lexically_relative(context_.work).string();
  std::string id;  // all that it says if it goes well
  TransferSink sink(progress, [&id](std::string_view line) {
    id = line;
    return false;
  });
  const process::ExitStatus status =
      stream({host_.program, "pull", "--quiet", "docker-archive:" + archive + ":" + name},
             environment(), sink, stop);
  std::string error = sink.finish();
  if (status.ok()) {
    ensure_names(id, request.tags, stop);
    progress.step_finished(0);
    return {.end = ImageResult::End::made, .digest = digest_of(id)};
  }
  if (stop.stop_requested()) {
    progress.step_finished(std::nullopt);
    return {.end = ImageResult::End::canceled, .reason = "canceled"};
  }
  progress.step_finished(1);
  if (error.empty()) error = "buildah pull failed without a word";
  return {.end = ImageResult::End::failed,
          .exit_code = 1,
          .reason = "the image can't be loaded: " + shorten(printable(error), 300)};
}

/// Buildah tries a registry that does not answer again and again at each step: one
/// look before tells.
const std::string& BuildahEngine::cache_problem(const ImageRequest& request,
                                                const std::stop_token& stop) {
  std::call_once(looked_at_cache_, [&] { cache_problem_ = look_at_cache(*request.cache, stop); });
  return cache_problem_;
}

std::string BuildahEngine::look_at_cache(const LayerCache& cache,
                                         const std::stop_token& stop) const {
  if (cache.mode == LayerCache::Mode::inlined) return "buildah has no inline cache";
  try {
    const process::Captured help = ask({"build", "--help"}, kLookLimit, stop);
    if ((help.out + help.err).find("--cache-to") == std::string::npos) {
      return "buildah " + host_.version + " has no layer cache in registries";
    }
    const std::string host = registry_of(cache.repository);
    const bool has_port = host.rfind(':') != std::string::npos && !host.ends_with(']');
    const bool can_look = has_port || !is_loopback(host);
    if (host != "docker.io" && can_look && !has_proxy() &&
        !tcp_answers(has_port ? host : host + ":443")) {
      return "nothing answers at " + host;
    }
    const process::Captured asked =
        ask({"pull", "--quiet", "--policy", "always", cache.repository + std::string(kNoTag)},
            kLookLimit, stop);
    if (asked.status.ok() || is_absent(asked.err)) return "";
    const auto at = asked.err.rfind(kErrorMark);
    const std::string_view error =
        trim(at == std::string::npos ? std::string_view(asked.err)
                                     : std::string_view(asked.err).substr(at + kErrorMark.size()));
    return shorten(
        printable(without_names(error, "initializing source ", std::string(kNoTag) + ": ")), 300);
  } catch (const Error& error) {  // adapter: no cache is no reason to fail
    return error.message();
  }
}

void BuildahEngine::import_cache(const ImageRequest& request, std::vector<std::string>& argv,
                                 Progress& progress, const std::stop_token& stop) {
  const std::string& problem = cache_problem(request, stop);
  if (!problem.empty()) {
    if (!stop.stop_requested() && !warned_of_cache_.test_and_set()) {
      progress.output("warning: layer cache " + request.cache->repository +
                      " can't be used: " + problem + "\n");
    }
  } else if (!request.no_cache) {
    // Before the folder, which is last.
    argv.insert(argv.end() - 1, {"--cache-from", request.cache->repository});
  }
}

namespace {

/// The layers that were kept last for an image: a note of ours, since asking the registry
/// for each of them takes as long as a small build.
std::filesystem::path note_of(const std::filesystem::path& cache_folder, const LayerCache& cache) {
  return cache_folder / "kept-layers" / hex(sha256(cache.reference()));
}

}  // namespace

/// Registries forget, too: a note does not count for ever.
bool BuildahEngine::is_kept(const LayerCache& cache,
                            const std::optional<BuildahOutput::Reused>& reused) const {
  constexpr std::chrono::hours kTrust{24};
  if (!reused) return false;
  if (reused->came_from_registry) return true;
  const std::filesystem::path note = note_of(context_.cache, cache);
  struct stat info {};
  return ::stat(note.c_str(), &info) == 0 &&
         Time(std::chrono::seconds{info.st_mtim.tv_sec}) > now() - kTrust &&
         read_file(note) == reused->layer;
}

void BuildahEngine::note_kept(const LayerCache& cache, const std::string& layer) const {
  const std::filesystem::path note = note_of(context_.cache, cache);
  try {
    make_folders(note.parent_path());
    const Fd file = open_file(note, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    write_all(file.get(), layer);
  } catch (const Error&) {  // boundary: then the next build keeps them once more
  }
}

/// The build is run once more, all from the layers that are here now: if the registry
/// can't take them, the build is not affected, and its output shows what was cached.
void BuildahEngine::export_cache(const ImageRequest& request, unsigned number, Progress& progress,
                                 std::stop_token stop) {
  if (stop.stop_requested() || !cache_problem(request, stop).empty()) return;
  ImageRequest again = request;
  again.no_cache = false;
  again.tags.clear();
  again.labels.clear();  // those of this build alone
  const std::filesystem::path id_file = context_.work / ("cache-" + std::to_string(number) + ".id");
  std::vector<std::string> variables = environment();
  std::vector<std::string> argv = build_command(again, id_file, number, variables);
  argv.insert(argv.end() - 1, {"--cache-to", request.cache->repository});
  TransferSink sink(progress,
                    [](std::string_view line) { return line.starts_with("--> Pushing cache "); });
  const process::ExitStatus status = stream(std::move(argv), std::move(variables), sink, stop);
  const std::string error = sink.finish();
  const std::string layer(trim(read_file(id_file).value_or("")));
  remove_file(id_file);
  if (status.ok()) note_kept(*request.cache, layer.substr(layer.find(':') + 1));
  if (status.ok() || stop.stop_requested() || warned_of_cache_.test_and_set()) return;
  progress.output(
      "warning: the layers can't be kept in " + request.cache->repository + ": " +
      shorten(printable(without_names(error, "failed pushing cache to ", "}}: ")), 300) + "\n");
}

/// A layer that came from a registry bears the name that it has there. The last one is
/// the image: with that name it would outlive its build.
void BuildahEngine::drop_cache_names(const ImageRequest& request,
                                     const std::string& image_id) const {
  const std::string prefix = request.cache->repository + ":";
  std::vector<std::string> argv = {"rmi"};
  for (std::string& name : image_names(host_, prefix, image_id)) {
    if (is_cache_tag(std::string_view(name).substr(prefix.size()))) argv.push_back(std::move(name));
  }
  if (argv.size() == 1 || request.tags.empty()) return;
  try {
    const store::FolderLock lock = lock_names(kLookLimit);
    remove(std::move(argv), "names of cached layers", "image not known");
  } catch (const Error&) {  // boundary: a name too many harms nobody
  }
}

}  // namespace cooper::engine
