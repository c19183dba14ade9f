#include "engine/buildah.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "engine/build_input.h"
#include "engine/buildah_failure.h"
#include "engine/buildah_output.h"
#include "engine/buildah_store.h"
#include "engine/delayed_stop.h"
#include "engine/dockerfile_lines.h"
#include "engine/memory_kills.h"
#include "engine/registries.h"
#include "engine/registry_auth.h"
#include "process/child.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <iterator>
#include <string_view>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace cooper::engine {

namespace {

constexpr std::chrono::minutes kQuestionLimit{2};
constexpr std::chrono::minutes kRemovalLimit{30};  // of big trees, on a slow disk
/// In the folder of the store's list of images, which is the same for all data roots.
constexpr const char* kNamesLock = "cooper-names.lock";

/// Feeds what a child prints to the step reader.
class OutputSink : public log::Sink {
 public:
  explicit OutputSink(BuildahOutput& output) : output_(output) {}
  void bytes(std::string_view chunk) override { output_.feed(chunk); }
  void idle() override { output_.idle(); }

 private:
  BuildahOutput& output_;
};

/// Older ones take a heredoc's body for instructions, and run some of them.
bool knows_heredocs(std::string_view version) {
  const auto parts = split(version, '.');
  const auto major = parse_number(parts[0]);
  const auto minor = parse_number(parts.size() > 1 ? parts[1] : "0");
  return major && minor && (*major > 1 || (*major == 1 && *minor >= 33));
}

std::string last_line(std::string_view text) {
  text = trim(text);
  return std::string(text.substr(text.rfind('\n') + 1));
}

/// What buildah says is wrong, one entry each: "Error: 2 errors occurred:", and
/// then `\t* ` before each of them, or "Error: " before the only one.
std::vector<std::string_view> errors_in(std::string_view text) {
  std::vector<std::string_view> errors;
  for (std::string_view line : split(text, '\n')) {
    line = trim(line);
    for (const std::string_view lead : {"Error: ", "* "}) {
      if (line.starts_with(lead)) line.remove_prefix(lead.size());
    }
    if (!line.empty() && !line.ends_with(" occurred:")) errors.push_back(line);
  }
  return errors;
}

/// A short name of nothing but hex digits ("cafe") would also name each image
/// whose id begins so. With its tag it can't.
std::string never_an_id(const std::string& image) {
  const bool is_hex = image.find_first_not_of("0123456789abcdef") == std::string::npos;
  return is_hex ? image + ":latest" : image;
}

/// Shows the part of the Dockerfile that the last step is; returns where that is, or
/// nothing if it can't be told.
std::string show_place(const ImageRequest& request, const BuildahOutput& output,
                       Progress& progress) {
  if (output.steps().empty()) return {};
  const std::string text = read_file(request.dockerfile).value_or("");
  const int line = line_of(text, output.steps().back().text);
  if (line == 0) return {};
  std::string place = shown_path(request.dockerfile, request.context) + ":" + std::to_string(line);
  progress.output(place + "\n" + excerpt(text, line));
  return place;
}

ImageResult canceled() { return {.end = ImageResult::End::canceled, .reason = "canceled"}; }

}  // namespace

BuildahEngine::BuildahEngine(BuildContext context, BuildahOptions options)
    : context_(std::move(context)),
      options_(std::move(options)),
      host_(find_buildah(options_.program, context_.cache)) {}

/// Where buildah makes its temporary files, sockets for ssh agents among them, whose
/// paths may have 107 bytes.
std::string BuildahEngine::scratch_folder() {
  constexpr std::size_t kLongest =
      107 - std::string_view("/.buildah-ssh-sock4294967295/ssh_auth_sock").size();
  std::string path = context_.work.string();
  if (context_.secrets.agents.empty() || path.size() <= kLongest) return path;
  return short_work_.emplace(context_.work).path().string();
}

/// An engine that only cleans up needs no scratch folder, which may be gone.
void BuildahEngine::prepare() {
  std::call_once(prepared_, [this] {
    make_folders(context_.work);
    write_secrets();
    variables_.push_back("TMPDIR=" + scratch_folder());
    if (const auto registries = registries_for_builds(context_.work, context_.registries)) {
      variables_.push_back("CONTAINERS_REGISTRIES_CONF=" + registries->string());
    }
    if (!context_.logins.empty() && std::filesystem::exists(context_.logins)) {
      // It reads one file only; a command line everybody could read.
      const std::filesystem::path logins = context_.work / "auth.json";
      write_scratch(logins, merged_logins(context_.logins));
      variables_.push_back("REGISTRY_AUTH_FILE=" + logins.string());
    }
  });
}

std::vector<std::string> BuildahEngine::environment() const {
  return process::own_environment(variables_);
}

process::ExitStatus BuildahEngine::stream(std::vector<std::string> argv,
                                          std::vector<std::string> environment, log::Sink& sink,
                                          std::stop_token stop) const {
  Pipe pipe = make_pipe();
  const Time since = now();
  process::Child child = process::Child::start({.argv = std::move(argv),
                                                .environment = std::move(environment),
                                                .folder = context_.work,
                                                .out = pipe.write.get(),
                                                .err = pipe.write.get(),
                                                .death_signal = SIGTERM,
                                                .cgroups = context_.cgroups});
  pipe.write.reset();
  // Buildah writes a container's settings, which say whose it is, and an image's
  // manifest, milliseconds after the container or image itself. Ended between the
  // two, it leaves what nobody owns, or a damaged store. So it is halted for the
  // look, and goes on only to finish that, or to hear that it shall end.
  constexpr std::chrono::milliseconds kLongestWriting{200};
  const auto is_busy = [this, since, pidfd = child.pidfd()] {
    if (!halt(pidfd) || !is_writing(host_, since)) return false;
    ::syscall(SYS_pidfd_send_signal, pidfd, SIGCONT, nullptr, 0);
    return true;
  };
  const DelayedStop delayed(std::move(stop), is_busy, kLongestWriting);
  const log::CaptureOptions how{.grace = options_.grace};
  return log::capture(child, pipe.read, how, sink, delayed.token());
}

process::Captured BuildahEngine::ask(std::vector<std::string> arguments,
                                     std::chrono::milliseconds limit, std::stop_token stop) const {
  arguments.insert(arguments.begin(), host_.program);
  return process::run({.argv = std::move(arguments),
                       .environment = environment(),
                       .death_signal = SIGTERM,
                       .cgroups = context_.cgroups},
                      limit, std::move(stop));
}

ImageResult BuildahEngine::make(const ImageRequest& request, Progress& progress,
                                std::stop_token stop) {
  if (stop.stop_requested()) return canceled();
  prepare();
  try {
    if (!request.archive.empty()) return load(request, progress, stop);
    return request.base_image.empty() ? build(request, progress, stop)
                                      : take_base(request, progress, stop);
  } catch (const Error& error) {  // adapter: the stop request ended a wait, or a `buildah tag`
    if (error.code() != Errc::canceled) throw;
    progress.step_finished(std::nullopt);
    return canceled();
  }
}

ImageResult BuildahEngine::build(const ImageRequest& request, Progress& progress,
                                 std::stop_token stop) {
  std::string hindrance = missing_input(request);
  if (hindrance.empty() && !request.heredoc.empty() && !knows_heredocs(host_.version)) {
    hindrance = request.heredoc + ": heredocs need buildah 1.33 or later; here is " + host_.version;
  }
  if (!hindrance.empty()) {
    return {.end = ImageResult::End::failed, .exit_code = 1, .reason = std::move(hindrance)};
  }
  const unsigned number = ++made_;
  const std::filesystem::path id_file = context_.work / ("image-" + std::to_string(number) + ".id");
  std::vector<std::string> variables = environment();
  std::vector<std::string> argv = build_command(request, id_file, number, variables);
  if (request.cache) import_cache(request, argv, progress, stop);

  if (!request.frontend.empty()) {
    progress.output("# syntax=" + printable(request.frontend) +
                    " has no effect: buildah reads Dockerfiles itself\n");
  }
  BuildahOutput output(
      progress, request.tags,
      request.labels.empty() ? LastStep::of_the_dockerfile : LastStep::adds_labels);
  OutputSink sink(output);
  const MemoryWatch memory(context_.cgroups);
  const process::ExitStatus status = stream(std::move(argv), std::move(variables), sink, stop);
  output.finish();

  if (status.ok()) {
    std::string id(trim(read_file(id_file).value_or("")));
    remove_file(id_file);
    if (id.starts_with("sha256:")) id.erase(0, 7);
    ensure_names(id, request.tags, stop);
    progress.step_finished(0);
    if (request.cache) {
      drop_cache_names(request, id);
      if (!is_kept(*request.cache, output.reused())) export_cache(request, number, progress, stop);
    }
    // It is made: a stop request that comes now must not leave a tag without a digest.
    return {.end = ImageResult::End::made, .digest = digest_of(id)};
  }
  if (stop.stop_requested()) {
    progress.step_finished(std::nullopt);
    return canceled();
  }
  const std::string place = show_place(request, output, progress);
  Failure failure = explain_failure(output, status, memory.seen(), place);
  progress.step_finished(failure.exit_code);
  return {.end = ImageResult::End::failed,
          .exit_code = failure.exit_code,
          .reason = std::move(failure.reason),
          .out_of_memory = failure.out_of_memory};
}

ImageResult BuildahEngine::take_base(const ImageRequest& request, Progress& progress,
                                     std::stop_token stop) {
  progress.step_started("pull " + request.base_image);
  const std::string base = never_an_id(request.base_image);
  std::vector<std::string> tag = {"tag", base};
  tag.insert(tag.end(), request.tags.begin(), request.tags.end());

  const auto name_it = [&] {
    const store::FolderLock lock = lock_names(kRemovalLimit, stop);
    return ask(tag, kQuestionLimit, stop);
  };
  // Tagging finds out by the way whether the image is there.
  process::Captured tagged = name_it();
  if (tagged.status.ok()) {
    progress.step_cached();
  } else {
    BuildahOutput output(progress);
    OutputSink sink(output);
    const process::ExitStatus status =
        stream({host_.program, "pull", "--policy", "missing", base}, environment(), sink, stop);
    output.finish();
    if (!status.ok()) {
      if (stop.stop_requested()) {
        progress.step_finished(std::nullopt);
        return canceled();
      }
      progress.step_finished(status.code);
      return {.end = ImageResult::End::failed,
              .exit_code = status.code,
              .reason = explain_pull(request.base_image, output.error())};
    }
    progress.step_finished(0);
    progress.step_started("tag");
    tagged = name_it();
    if (!tagged.status.ok()) {
      progress.step_finished(tagged.status.code);
      return {.end = ImageResult::End::failed,
              .exit_code = tagged.status.code,
              .reason = "image " + printable(request.base_image) +
                        " can't be tagged: " + shorten(printable(last_line(tagged.err)), 200)};
    }
  }
  progress.step_finished(0);
  const std::string& image = request.tags.empty() ? base : request.tags.front();
  return {.end = ImageResult::End::made, .digest = digest_of(image)};
}

std::string BuildahEngine::digest_of(const std::string& image) const {
  if (std::optional<std::string> digest = manifest_digest(host_, image)) return *std::move(digest);
  const process::Captured asked = ask(
      {"inspect", "--type", "image", "--format", "{{.FromImageDigest}}", image}, kQuestionLimit);
  std::string digest(trim(asked.out));
  if (!asked.status.ok() || !digest.starts_with("sha256:")) {
    throw Error(Errc::engine, "buildah does not know the image that it just made: " +
                                  shorten(printable(last_line(asked.err)), 200));
  }
  return digest;
}

/// Held while names of images change: `buildah tag` and `rmi` write back all names that an
/// image had when they began, so one that it got meanwhile would be lost. `buildah build` and
/// `pull` add theirs without losing others', but may lose them to those two.
/// A stop request ends the wait for it alone.
store::FolderLock BuildahEngine::lock_names(std::chrono::seconds patience,
                                            std::stop_token stop) const {
  const std::filesystem::path images = host_.graph_root / (host_.graph_driver + "-images");
  make_folders(images);
  return store::FolderLock(open_file(images, O_RDONLY | O_DIRECTORY),
                           {.file = kNamesLock,
                            .patience = patience,
                            .what = "the names of images",
                            .stop = std::move(stop)});
}

/// Gives an image those of the names that it does not have (yet, or any more: see lock_names).
void BuildahEngine::ensure_names(const std::string& image_id, const std::vector<std::string>& names,
                                 std::stop_token stop) const {
  const store::FolderLock lock = lock_names(kRemovalLimit, std::move(stop));
  const std::vector<std::string> has = image_names(host_, "", image_id);
  std::vector<std::string> tag = {"tag", image_id};
  std::ranges::copy_if(names, std::back_inserter(tag), [&](const std::string& name) {
    return std::ranges::find(has, name) == has.end();
  });
  if (tag.size() == 2) return;
  const process::Captured tagged = ask(std::move(tag), kQuestionLimit);
  if (!tagged.status.ok()) {
    throw Error(Errc::engine,
                "an image can't be tagged: " + shorten(printable(last_line(tagged.err)), 200));
  }
}

std::optional<std::string> BuildahEngine::base_digest(const std::string& reference) {
  const std::vector<std::string> ids = images_named(host_, reference);
  // Of several, only buildah knows which it would take: it has aliases and search paths.
  if (ids.size() != 1) return std::nullopt;
  return "sha256:" + ids.front();
}

bool BuildahEngine::use_again(const std::string& reference, const std::string& digest,
                              const std::vector<std::string>& tags) {
  const std::vector<std::string> ids = images_named(host_, reference);
  if (ids.size() != 1 || manifest_digest(host_, ids.front()) != digest) return false;
  prepare();
  constexpr std::chrono::seconds kPatience{5};  // then it is made anew, which may be quicker
  const store::FolderLock lock = lock_names(kPatience);
  std::vector<std::string> argv = {"tag", ids.front()};
  argv.insert(argv.end(), tags.begin(), tags.end());
  return ask(std::move(argv), kQuestionLimit).status.ok();
}

void BuildahEngine::remove(std::vector<std::string> command, std::string_view what,
                           std::string_view absent) const {
  const process::Captured removed = ask(std::move(command), kRemovalLimit);
  if (removed.status.ok()) return;
  for (const std::string_view error : errors_in(removed.err)) {
    if (error.ends_with(absent)) continue;
    throw Error(Errc::engine,
                std::string(what) + " can't be removed: " + shorten(printable(error), 300));
  }
}

/// An image without a manifest is of use to nobody, and makes buildah complain
/// at each look into the store. One that was made since the build began and stays
/// so for seconds, where a living buildah needs milliseconds, was our killed
/// buildah's.
void BuildahEngine::remove_unfinished_images() {
  constexpr std::chrono::seconds kPatience{3};
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  std::vector<std::string> left = unfinished_images(host_, context_.since);
  while (!left.empty() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
    const std::vector<std::string> still = unfinished_images(host_, context_.since);
    std::erase_if(
        left, [&](const std::string& id) { return std::ranges::find(still, id) == still.end(); });
  }
  remove_images(left);
}

std::size_t BuildahEngine::clean_up() {
  remove_unfinished_images();
  const std::vector<std::string> left = containers_with(host_, "\"" + marker() + "\"");
  if (left.empty()) return 0;
  std::vector<std::string> argv = {"rm"};
  argv.insert(argv.end(), left.begin(), left.end());
  remove(std::move(argv), "working containers of build " + context_.build.str(),
         "container not known");
  return left.size();
}

std::vector<KeptImage> BuildahEngine::find_images(std::string_view prefix) {
  std::vector<KeptImage> found;
  for (StoredImage& image : stored_images(host_)) {
    std::erase_if(image.names, [&](const std::string& name) { return !name.starts_with(prefix); });
    if (image.names.empty()) continue;
    found.push_back({.id = image.id,
                     .names = std::move(image.names),
                     .labels = image_labels(host_, image.id, kLabelPrefix)});
  }
  return found;
}

void BuildahEngine::remove_images(const std::vector<std::string>& references) {
  if (references.empty()) return;
  std::vector<std::string> argv = {"rmi"};
  argv.insert(argv.end(), references.begin(), references.end());
  const store::FolderLock lock = lock_names(kRemovalLimit);
  remove(std::move(argv), "images", "image not known");
}

}  // namespace cooper::engine
