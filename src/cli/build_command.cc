// `cooper build`.

#include "cli/build_args.h"
#include "cli/context.h"
#include "cli/deploys.h"
#include "cli/follow_build.h"
#include "cli/interrupt.h"
#include "cli/outcome.h"
#include "cli/secret_flags.h"
#include "cli/show_log.h"
#include "engine/platform.h"

#include <array>

namespace cooper::cli {

namespace {

/// More images at once than any one host can make: a slip of the pen.
constexpr std::uint64_t kMostJobs = 64;

Result<build::BuildRequest> request_from(const Options& options) {
  build::BuildRequest request{.description = options.description.value_or(""),
                              .manifest = options.manifest.value_or(""),
                              .no_cache = options.no_cache,
                              .force = options.force,
                              .development = options.development,
                              .engine = options.engine.value_or(""),
                              .jobs = static_cast<unsigned>(options.jobs.value_or(0))};
  if (options.jobs && (*options.jobs == 0 || *options.jobs > kMostJobs)) {
    return Error(Errc::invalid, "invalid --jobs \"" + std::to_string(*options.jobs) + "\"",
                 "expected a whole number from 1 to " + std::to_string(kMostJobs));
  }
  if (options.output) {
    if (options.output->empty()) {
      return Error(Errc::invalid, "--output is empty", "name a folder for the images' archives");
    }
    request.output = std::filesystem::absolute(*options.output).lexically_normal().string();
  }
  if (options.platform) {
    const Result<std::string> platform = engine::parse_platform(*options.platform);
    if (!platform) return platform.error();
    request.platform = *platform;
  }
  auto arguments = build_args_of(options);
  if (!arguments) return arguments.error();
  request.build_args = std::move(*arguments);
  return request;
}

int report_end(const Context& context, const Options& options, Output& progress, const LogView& log,
               const rack::BuildView& view) {
  const Build& build = view.build;
  if (!options.id) progress.write("Build:   " + build.id.str() + "\n");
  if (view.status != DisplayStatus::succeeded) {
    return report_outcome(context, view, line_above(context, progress, log));
  }
  progress.write(options.id ? "" : "Release: " + build.release + "\n");
  if (options.id) context.out.write(build.release + "\n");
  return 0;
}

rack::StartBuild start_from(const Context& context, const Options& options) {
  const std::filesystem::path folder =
      options.words.empty() ? context.folder : std::filesystem::path(options.words[0]);
  return {.app = resolve_app(context, options, folder),
          .folder = folder,
          .request = request_from(options).value(),
          .secrets = read_build_secrets(options.secrets, options.agents).value(),
          .if_locked = if_locked(options)};
}

Build start_build(const Context& context, const rack::StartBuild& start, Interrupts& interrupts,
                  Output& progress) {
  warn_of_near_miss(context, start.app);
  return start_build(context, interrupts, progress, &rack::Rack::start_build, start);
}

/// Stays with a build that was started, unless --detach says otherwise.
int follow(const Context& context, const Options& options, const Build& build,
           const Interrupts& interrupts, Output& progress) {
  if (options.detach) {
    context.out.write((options.id ? "" : "Build:   ") + build.id.str() + "\n");
    return 0;
  }
  LogView log(progress, options.raw ? LogForm::raw : LogForm::harmless);
  if (const auto left = follow_to_end(context, build, interrupts, log)) return *left;
  return report_end(context, options, progress, log, context.rack.get_build(build.app, build.id));
}

int run_build(Context& context, const Options& options) {
  const rack::StartBuild start = start_from(context, options);
  Output& progress = options.id ? context.err : context.out;
  Interrupts interrupts(Interrupts::Takes::all_ends);
  return follow(context, options, start_build(context, start, interrupts, progress), interrupts,
                progress);
}

int run_retry(Context& context, const Options& options) {
  const AppName app = resolve_app(context, options);
  const rack::RetryBuild again{
      .app = app,
      .build = context.rack.resolve_build(app, options.words.empty() ? "last" : options.words[0],
                                          Kind::build),
      .source = "",
      .secrets = read_build_secrets(options.secrets, options.agents).value(),
      .if_locked = if_locked(options)};
  Output& progress = options.id ? context.err : context.out;
  Interrupts interrupts(Interrupts::Takes::all_ends);
  const Build build = start_build(context, interrupts, progress, &rack::Rack::retry_build, again);
  return follow(context, options, build, interrupts, progress);
}

/// Build and promote; with --id the release's id comes once it is deployed.
int run_deploy(Context& context, const Options& options) {
  const rack::StartBuild start = start_from(context, options);
  Output& progress = options.id ? context.err : context.out;
  Interrupts interrupts(Interrupts::Takes::all_ends);
  const Build build = start_build(context, start, interrupts, progress);
  return follow_and_promote(context, options, build, interrupts, progress);
}

constexpr std::array kPositionals = {
    Positional{.name = "DIR",
               .summary = "the folder with the source (default: the working folder)",
               .need = Positional::Need::optional,
               .offer = Offer::folder}};

constexpr std::array kRetryPositionals = {
    Positional{.name = "ID",
               .summary = "an id, the beginning of one, last-failed, or last (the default)",
               .need = Positional::Need::optional,
               .offer = Offer::build}};

constexpr Flag kSecretFlag{
    .name = "secret",
    .value = "id=ID,src=FILE",
    .summary = "for RUN --mount=type=secret; or id=ID,env=NAME; may be repeated",
    .target = &Options::secrets};
constexpr Flag kAgentFlag{.name = "ssh",
                          .value = "ID[=SOCKET]",
                          .summary = "an agent for RUN --mount=type=ssh: default is $SSH_AUTH_SOCK",
                          .target = &Options::agents};
constexpr Flag kIdFlag{.name = "id",
                       .summary = "print the release's id alone on stdout; all else goes to stderr",
                       .target = &Options::id};
constexpr Flag kRawFlag{.name = "raw",
                        .summary = "show the log on a terminal as it is, escape sequences and all",
                        .target = &Options::raw};
constexpr Flag kDetachFlag{.name = "detach",
                           .summary = "return once the build runs, and print its id",
                           .target = &Options::detach,
                           .excludes = "raw"};
constexpr std::array kFlags = {
    Flag{.name = "app",
         .letter = 'a',
         .value = "APP",
         .summary = "the app, made on first use (default: $COOPER_APP, else DIR's name)",
         .target = &Options::app,
         .offer = Offer::app},
    Flag{.name = "description",
         .letter = 'd',
         .value = "TEXT",
         .summary = "what is built (default: commit and subject of a clean git work tree)",
         .target = &Options::description},
    Flag{.name = "manifest",
         .letter = 'm',
         .value = "FILE",
         .summary = "the manifest in DIR (default: convox.yml)",
         .target = &Options::manifest,
         .offer = Offer::file},
    kBuildArgsFlag,
    kSecretFlag,
    kAgentFlag,
    Flag{.name = "no-cache",
         .summary = "run every step, whatever is cached",
         .target = &Options::no_cache},
    Flag{.name = "force",
         .summary = "build also what did not change; steps may be cached",
         .target = &Options::force},
    Flag{.name = "development",
         .summary = "build the stage named development where there is one",
         .target = &Options::development},
    Flag{.name = "engine",
         .value = "ENGINE",
         .summary = "auto, buildah, docker or buildkit (default: property engine)",
         .target = &Options::engine,
         .choices = "auto buildah docker buildkit"},
    Flag{.name = "platform",
         .value = "OS/ARCH",
         .summary = "what images are for: linux/arm64, ... (default: the engine's own)",
         .target = &Options::platform},
    Flag{.name = "output",
         .value = "FOLDER",
         .summary = "also write the images there: SERVICE.tar for docker or podman load",
         .target = &Options::output,
         .offer = Offer::folder},
    Flag{.name = "jobs",
         .letter = 'j',
         .value = "N",
         .summary = "images made at once (default: cores, with BuildKit at least 4)",
         .target = &Options::jobs},
    kIdFlag,
    kNoWaitFlag,
    kRawFlag,
    kDetachFlag,
};
constexpr std::array kRetryFlags = {kAppFlag,    kSecretFlag, kAgentFlag, kIdFlag,
                                    kNoWaitFlag, kRawFlag,    kDetachFlag};
// There is nobody to promote the release of a build that is left to itself.
constexpr auto kDeployFlags = std::span(kFlags).first<kFlags.size() - 1>();

constexpr std::array kCommands = {
    Command{.name = "build",
            .summary = "Build an app's images and make a release",
            .positionals = kPositionals,
            .flags = kFlags,
            .examples = "cooper build -a hello\n"
                        "cooper build src -a hello -d 'try the new base' --build-args VERSION=3\n"
                        "release=$(cooper build -a hello --id)",
            .run = run_build},
    Command{.name = "deploy",
            .summary = "Build an app's images, and deploy the release",
            .positionals = kPositionals,
            .flags = kDeployFlags,
            .examples = "cooper deploy -a hello\n"
                        "cooper deploy src -a hello -d staging",
            .run = run_deploy},
    Command{.name = "builds retry",
            .summary = "Build again from the source and the arguments of an earlier build",
            .positionals = kRetryPositionals,
            .flags = kRetryFlags,
            .examples = "cooper builds retry -a hello\n"
                        "cooper builds retry mwq3upiv71tsix --secret id=npmrc,src=.npmrc -a hello",
            .run = run_retry}};

}  // namespace

std::span<const Command> build_commands() { return kCommands; }

}  // namespace cooper::cli
