// `cooper git:from-archive`.

#include "base/fd.h"
#include "cli/build_args.h"
#include "cli/deploys.h"
#include "cli/follow_build.h"
#include "cli/interrupt.h"
#include "cli/named_file.h"
#include "source/archive_type.h"
#include "source/url.h"

#include <array>
#include <filesystem>
#include <unistd.h>

namespace cooper::cli {

namespace {

/// What is built, and the file that `build.archive` borrows.
struct Wanted {
  rack::BuildArchive build;
  Fd file;
};

bool is_stdin(const std::vector<std::string>& words) {
  if (words.size() < 2) {
    // Dokku's `--`, which no parser leaves.
    if (::isatty(STDIN_FILENO) == 0) return true;
    throw Error(Errc::invalid, "no archive is named", "give a URL, a file, or - for stdin");
  }
  return words[1] == "-";
}

Wanted wanted_from(const Context& context, const Options& options) {
  std::vector<std::string> words = options.words;
  if (options.app) words.insert(words.begin(), *options.app);
  Wanted wanted{.build = {.app = AppName::parse(words[0]).value(),
                          .request = {.source = "git:from-archive",
                                      .description = options.description.value_or(""),
                                      .manifest = options.manifest.value_or(""),
                                      .build_args = build_args_of(options).value()},
                          .if_locked = if_locked(options)},
                .file = Fd()};
  rack::BuildArchive& build = wanted.build;
  if (options.archive_type) build.type = source::parse_archive_type(*options.archive_type).value();
  std::string name = "from stdin";
  if (is_stdin(words)) {
    build.archive = STDIN_FILENO;
    build.shown = "the archive";
  } else if (words[1].find("://") != std::string::npos) {
    const source::SourceUrl url = source::parse_source_url(words[1]).value();
    build.url = words[1];
    build.shown = source::shown(url);
    name = std::filesystem::path(url.path).filename();
    if (name.empty()) name = "from " + url.host;
  } else {
    try {
      wanted.file = open_named_file(context.folder, words[1]);
    } catch (const Error& error) {  // adapter: perhaps it was meant to be a URL
      if (error.code() != Errc::not_found) throw;
      throw Error(error.code(), error.message(), "a URL begins with https://");
    }
    build.archive = wanted.file.get();
    build.shown = words[1];
    name = std::filesystem::path(words[1]).filename();
  }
  if (build.request.description.empty()) build.request.description = "archive " + name;
  return wanted;
}

int run_from_archive(Context& context, const Options& options) {
  const Wanted wanted = wanted_from(context, options);
  Interrupts interrupts(Interrupts::Takes::all_ends);
  warn_of_near_miss(context, wanted.build.app);
  const Build build =
      start_build(context, interrupts, context.out, &rack::Rack::build_archive, wanted.build);
  return follow_and_deploy(context, build, interrupts, context.out);
}

constexpr std::array kPositionals = {
    Positional{.name = "APP", .summary = "the app, made on first use", .offer = Offer::app},
    Positional{.name = "URL|FILE|-",
               .summary = "where the archive is; - (or nothing): it comes through stdin",
               .need = Positional::Need::optional,
               .offer = Offer::file},
    Positional{.name = "USER",
               .summary = "taken as Dokku takes it; there is no commit that would bear it",
               .need = Positional::Need::optional},
    Positional{.name = "EMAIL", .summary = "likewise", .need = Positional::Need::optional}};

constexpr std::array kFlags = {
    kAppInPlaceFlag,
    Flag{.name = "archive-type",
         .value = "TYPE",
         .summary = "refuse what is none: tar, tar.gz, tar.zst, tar.bz2, tar.xz or zip",
         .target = &Options::archive_type},
    Flag{.name = "description",
         .letter = 'd',
         .value = "TEXT",
         .summary = "what is built (default: the archive's name)",
         .target = &Options::description},
    Flag{.name = "manifest",
         .letter = 'm',
         .value = "FILE",
         .summary = "the manifest in the archive (default: convox.yml)",
         .target = &Options::manifest},
    kBuildArgsFlag,
    kNoWaitFlag};

constexpr std::array kCommands = {Command{
    .name = "git:from-archive",
    .summary = "Build an archive (tar or zip) of a URL, a file or stdin, and deploy it",
    .positionals = kPositionals,
    .flags = kFlags,
    .examples = "cooper git:from-archive hello https://git.example/hello/archive/v1.2.tar.gz\n"
                "cooper git:from-archive hello hello.zip\n"
                "cooper git:from-archive hello - < hello.tar.gz",
    .run = run_from_archive}};

}  // namespace

std::span<const Command> from_archive_commands() { return kCommands; }

}  // namespace cooper::cli
