#pragma once
// `cooper builds`: the builds of an app or of all, and what narrows them.

#include "cli/context.h"
#include "cli/options.h"

#include <array>

namespace cooper::cli {

/// Prints the builds that the options ask for; the exit code.
int list_builds(Context& context, const Options& options);

inline constexpr std::array kBuildListFlags = {
    kAppFlag,
    Flag{.name = "all",
         .summary = "the builds of all apps",
         .target = &Options::all,
         .excludes = "app"},
    Flag{.name = "status",
         .value = "STATUS",
         .summary = "only those with this status; may be given several times",
         .target = &Options::statuses,
         .choices = "queued running succeeded failed canceled abandoned"},
    Flag{.name = "kind",
         .value = "KIND",
         .summary = "only those that made images (build) or deployed existing ones (deploy)",
         .target = &Options::kind,
         .choices = "build deploy"},
    Flag{.name = "source",
         .value = "SOURCE",
         .summary = "only those that this command started, such as build or git-hook",
         .target = &Options::source},
    Flag{.name = "since",
         .value = "TIME",
         .summary = "only those started then or later: a time, a date, or how long ago (24h, 7d)",
         .target = &Options::since},
    Flag{.name = "until",
         .value = "TIME",
         .summary = "only those started before then",
         .target = &Options::until},
    kLimitFlag,
    Flag{.name = "before",
         .value = "ID",
         .summary = "only those older than this build: the page after the one that ends with it",
         .target = &Options::before,
         .offer = Offer::build},
    kFormatFlag};

}  // namespace cooper::cli
