// `cooper builds export`, `import` and `import-image`, as Convox has them.

#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/context.h"
#include "cli/follow_build.h"
#include "cli/named_file.h"
#include "cli/outcome.h"
#include "cli/progress.h"
#include "manifest/manifest.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cooper::cli {
namespace fs = std::filesystem;

namespace {

/// Where a bundle goes: standard output, or a file that is there whole or not at all.
class Target {
 public:
  explicit Target(const std::optional<std::string>& file) : path_(file.value_or("-")) {
    require_name(path_.string());
    struct stat info {};
    is_new_ = path_ != "-" && (::stat(path_.c_str(), &info) != 0 || S_ISREG(info.st_mode));
    if (path_ == "-") return;
    if (!is_new_) {
      file_ = Fd(::open(path_.c_str(), O_WRONLY | O_CLOEXEC));
      if (!file_) throw cant_write_named_file(path_.string(), errno);
      return;
    }
    const fs::path folder = path_.has_parent_path() ? path_.parent_path() : fs::path(".");
    std::string name =
        (folder / (std::string(kTemporaryPrefix) + path_.filename().string())).string() + ".XXXXXX";
    file_ = Fd(::mkostemp(name.data(), O_CLOEXEC));
    if (!file_) throw cant_write_named_file(path_.string(), errno);
    temporary_ = name;
  }
  ~Target() {
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  bool is_stdout() const { return path_ == "-"; }
  int fd() const { return is_stdout() ? STDOUT_FILENO : file_.get(); }
  void keep() {
    if (temporary_.empty()) return;
    if (::fsync(file_.get()) != 0) throw_errno("fsync " + temporary_.string());
    if (::rename(temporary_.c_str(), path_.c_str()) != 0)
      throw_errno("rename to " + path_.string());
    temporary_.clear();
    sync_folder(path_.has_parent_path() ? path_.parent_path() : fs::path("."));
  }

 private:
  fs::path path_;
  fs::path temporary_;
  bool is_new_ = false;
  Fd file_;
};

int run_export(Context& context, const Options& options) {
  const AppName app = resolve_app(context, options);
  const BuildId id = context.rack.resolve_build(app, options.words[0], Kind::build);
  Target target(options.file);
  if (target.is_stdout() && context.out.is_terminal()) {
    throw Error(Errc::invalid, "a bundle is nothing for a terminal",
                "name a file: cooper builds export " + id.str() + " -f FILE");
  }
  const Interrupts interrupts;
  Progress progress(context, target.is_stdout() ? context.err : context.out);
  progress.phase("Exporting build");
  context.rack.export_build(
      {.app = app,
       .build = id,
       .form = options.format == "oci" ? bundle::Form::oci : bundle::Form::convox,
       .out = target.fd()},
      interrupts.first());
  target.keep();
  progress.phase_done();
  return 0;
}

/// Waits for the build's end without its log. The exit code, if it is not a good one.
std::optional<int> wait_for_end(const Context& context, const Build& build,
                                const Interrupts& interrupts, Progress& progress) {
  const Fd nowhere = open_file("/dev/null", O_WRONLY);
  Output quiet(nowhere.get());
  LogView log(quiet, LogForm::raw);
  if (const auto left = follow_to_end(context, build, interrupts, log)) return left;
  const rack::BuildView view = context.rack.get_build(build.app, build.id);
  if (view.status == DisplayStatus::succeeded) return std::nullopt;
  progress.phase_done("failed");
  return report_outcome(context, view);
}

int run_import(Context& context, const Options& options) {
  const AppName app = resolve_app(context, options);
  const bool is_stdin = options.file.value_or("-") == "-";
  if (is_stdin && ::isatty(STDIN_FILENO) == 1) {
    throw Error(Errc::invalid, "there is no bundle to import: stdin is a terminal",
                "name a file: cooper builds import -f FILE");
  }
  const Fd file = is_stdin ? Fd() : open_named_file(context.folder, *options.file);
  Interrupts interrupts(Interrupts::Takes::all_ends);
  Progress progress(context, options.id ? context.err : context.out);
  progress.phase("Importing build");
  const Build build = [&] {
    try {
      return context.rack.import_build({.app = app,
                                        .in = is_stdin ? STDIN_FILENO : file.get(),
                                        .image = "",
                                        .if_locked = if_locked(options)},
                                       progress, interrupts.first());
    } catch (const Error& error) {  // adapter: say whose fault it is
      if (error.code() != Errc::corrupt) throw;
      throw Error(Error(error)).while_doing("nothing was imported");
    }
  }();
  interrupts.let_others_leave();
  if (const auto code = wait_for_end(context, build, interrupts, progress)) return *code;
  const Build imported = context.rack.get_build(app, build.id).build;
  progress.phase_done("OK, " + imported.release);
  if (options.id) context.out.write(imported.release + "\n");
  return 0;
}

std::string manifest_text(const Context& context, const Options& options) {
  if (!options.manifest) return "";
  if (options.service) {
    throw Error(Errc::invalid, "--service and --manifest can't be given together",
                "the manifest names the services");
  }
  const Fd file = open_named_file(context.folder, *options.manifest);
  std::string text = read_open_file(file, *options.manifest, manifest::Limits().max_bytes);
  if (text.empty()) {
    throw Error(Errc::invalid, printable(*options.manifest) + " is empty, and no manifest");
  }
  return text;
}

int run_import_image(Context& context, const Options& options) {
  const AppName app = resolve_app(context, options);
  const std::string& image = options.words[0];
  const ServiceName service = ServiceName::parse(options.service.value_or("web")).value();
  const std::string manifest = manifest_text(context, options);
  Output& shown = options.id ? context.err : context.out;
  Interrupts interrupts(Interrupts::Takes::all_ends);
  Progress progress(context, shown);
  progress.phase("Creating build");
  const Build build =
      context.rack.start_image({.app = app,
                                .service = service,
                                .image = image,
                                .manifest = manifest,
                                .request = {.source = "import", .description = "image " + image},
                                .if_locked = if_locked(options)},
                               progress, interrupts.first());
  progress.phase_done("OK, " + build.id.str());
  interrupts.let_others_leave();
  progress.phase("Waiting for import to complete");
  if (const auto code = wait_for_end(context, build, interrupts, progress)) return *code;
  progress.phase_done();
  const Build imported = context.rack.get_build(app, build.id).build;
  if (options.id) {
    context.out.write(imported.release + "\n");
  } else {
    shown.write("Build:   " + build.id.str() + "\nRelease: " + imported.release + "\n");
  }
  return 0;
}

constexpr std::array kId = {Positional{.name = "ID",
                                       .summary = "an id, the beginning of one, or last",
                                       .need = Positional::Need::required,
                                       .offer = Offer::build}};
constexpr std::array kImage = {
    Positional{.name = "IMAGE", .summary = "what is here, or in a registry: nginx:1.25"}};

constexpr Flag kNewAppFlag{
    .name = "app",
    .letter = 'a',
    .value = "APP",
    .summary = "the app, made on first use (default: $COOPER_APP, else the folder's name)",
    .target = &Options::app,
    .offer = Offer::app};
constexpr Flag kIdFlag{.name = "id",
                       .summary = "print the release's id alone on stdout; all else goes to stderr",
                       .target = &Options::id};

constexpr std::array kExportFlags = {
    kAppFlag,
    Flag{.name = "file",
         .letter = 'f',
         .value = "FILE",
         .summary = "where it goes (default: -, which is stdout)",
         .target = &Options::file,
         .offer = Offer::file},
    Flag{.name = "format",
         .value = "FORMAT",
         .summary = "convox (.tgz), or oci: smaller, images' layers once (.tar.zst)",
         .target = &Options::format,
         .choices = "convox oci"}};
constexpr std::array kImportFlags = {
    kNewAppFlag,
    Flag{.name = "file",
         .letter = 'f',
         .value = "FILE",
         .summary = "what export has written, here or on Convox (default: -, which is stdin)",
         .target = &Options::file,
         .offer = Offer::file},
    kIdFlag, kNoWaitFlag};
constexpr std::array kImportImageFlags = {
    kNewAppFlag,
    Flag{.name = "service",
         .value = "NAME",
         .summary = "the service that runs it (default: web)",
         .target = &Options::service},
    Flag{.name = "manifest",
         .letter = 'm',
         .value = "FILE",
         .summary = "a convox.yml: its services that name no image run it",
         .target = &Options::manifest,
         .offer = Offer::file},
    kIdFlag, kNoWaitFlag};

constexpr std::array kCommands = {
    Command{.name = "builds export",
            .summary = "Write a build with its images to a file, for another host or Convox",
            .positionals = kId,
            .flags = kExportFlags,
            .examples = "cooper builds export last -a hello -f hello.tgz\n"
                        "cooper builds export last -a hello --format oci -f hello.tar.zst",
            .run = run_export},
    Command{.name = "builds import",
            .summary = "Take over a build that export has written, and make a release of it",
            .positionals = {},
            .flags = kImportFlags,
            .examples = "cooper builds import -a hello -f hello.tgz",
            .run = run_import},
    Command{.name = "builds import-image",
            .summary = "Make a build and a release of an image that exists",
            .positionals = kImage,
            .flags = kImportImageFlags,
            .examples =
                "cooper builds import-image nginx:1.25 -a proxy --service web\n"
                "cooper builds import-image registry.example.com/shop:42 -a shop -m convox.yml",
            .run = run_import_image}};

}  // namespace

std::span<const Command> bundle_commands() { return kCommands; }

}  // namespace cooper::cli
