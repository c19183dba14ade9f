// `cooper git:from-image` and `git:load-image`, as Dokku has them.

#include "base/fd.h"
#include "base/text.h"
#include "cli/context.h"
#include "cli/deploys.h"
#include "cli/follow_build.h"

#include <array>
#include <unistd.h>

namespace cooper::cli {

namespace {

/// `APP IMAGE`, or with -a the image alone. Dokku takes a git user's name and address besides,
/// whose commit nobody makes here.
struct Words {
  AppName app;
  std::string image;
};

Words words_of(const Context& context, const Options& options) {
  constexpr std::size_t kMost = 4;  // APP IMAGE USER EMAIL
  if (options.words.size() > (options.app ? kMost - 1 : kMost)) {
    throw Error(Errc::invalid, "an argument more than APP IMAGE USER EMAIL: " +
                                   shorten(printable(options.words.back()), 60));
  }
  if (options.app) return {resolve_app(context, options), options.words[0]};
  if (options.words.size() < 2) {
    throw Error(Errc::invalid, "IMAGE is missing", "APP IMAGE, for example: hello nginx:1.25");
  }
  return {AppName::parse(options.words[0]).value(), options.words[1]};
}

int run_from_image(Context& context, const Options& options) {
  const auto [app, image] = words_of(context, options);
  Interrupts interrupts(Interrupts::Takes::all_ends);
  const rack::StartImage start{
      .app = app,
      .service = ServiceName::parse("web").value(),
      .image = image,
      .request = {.source = "git:from-image", .description = "image " + image},
      .if_locked = if_locked(options)};
  const Build build =
      start_build(context, interrupts, context.out, &rack::Rack::start_image, start);
  return follow_and_deploy(context, build, interrupts, context.out);
}

int run_load_image(Context& context, const Options& options) {
  const auto [app, image] = words_of(context, options);
  if (::isatty(STDIN_FILENO) == 1) {
    throw Error(Errc::invalid, "there is no image archive: stdin is a terminal",
                "docker save IMAGE | cooper git:load-image APP IMAGE");
  }
  Interrupts interrupts(Interrupts::Takes::all_ends);
  const rack::ImportBuild start{.app = app,
                                .in = STDIN_FILENO,
                                .image = image,
                                .source = "git:load-image",
                                .if_locked = if_locked(options)};
  const Build build = [&] {
    try {
      return start_build(context, interrupts, context.out, &rack::Rack::import_build, start);
    } catch (const Error& error) {  // adapter: say whose fault it is
      if (error.code() != Errc::corrupt) throw;
      throw Error(Error(error)).while_doing("the image archive on stdin");
    }
  }();
  return follow_and_deploy(context, build, interrupts, context.out);
}

constexpr std::array kWords = {
    Positional{.name = "APP", .summary = "the app, made on first use", .offer = Offer::app},
    Positional{.name = "IMAGE",
               .summary = "its name: nginx:1.25 (with -a the only argument)",
               .need = Positional::Need::optional},
    Positional{.name = "USER",
               .summary = "taken as Dokku takes it; there is no commit that would bear it",
               .need = Positional::Need::optional},
    Positional{.name = "EMAIL", .summary = "likewise", .need = Positional::Need::optional}};
constexpr std::array kFlags = {kAppFlag, kNoWaitFlag};

constexpr std::array kCommands = {
    Command{.name = "git:from-image",
            .summary = "Build an app from an image that is here, or in a registry",
            .positionals = kWords,
            .flags = kFlags,
            .examples = "cooper git:from-image proxy nginx:1.25",
            .run = run_from_image},
    Command{.name = "git:load-image",
            .summary = "Build an app from an image in an archive, which comes on stdin",
            .positionals = kWords,
            .flags = kFlags,
            .examples = "cooper git:load-image shop shop/web:1 < web.tar",
            .run = run_load_image}};

}  // namespace

std::span<const Command> image_commands() { return kCommands; }

}  // namespace cooper::cli
