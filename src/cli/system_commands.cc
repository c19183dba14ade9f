// `cooper system df|prune`: what cooper keeps on this host.

#include "base/text.h"
#include "cli/context.h"
#include "cli/json_output.h"
#include "cli/prune_apps.h"
#include "cli/table.h"

#include <array>

namespace cooper::cli {

namespace {

int run_df(Context& context, const Options& options) {
  std::vector<std::string> warnings;
  const std::vector<build::DiskItem> items = context.rack.disk_use(warnings);
  for (const std::string& warning : warnings) print_warning(context, warning);
  if (options.json()) {
    context.out.write(disk_json(items));
    return 0;
  }
  Table table({"WHERE", "WHAT", "COUNT", "SIZE"});
  for (const build::DiskItem& item : items) {
    table.add({{item.where},
               {item.what},
               {item.count ? std::to_string(item.count) : ""},
               {human_bytes(item.bytes)}});
  }
  context.out.write(table.text(context.out.colours(), context.out.columns()));
  return 0;
}

int run_prune(Context& context, const Options& options) {
  std::uint64_t freed = 0;
  const int code = prune_all_apps(context, options, freed);
  const std::string verb = options.dry_run ? "would be " : "";
  for (const build::EnginePruned& engine :
       options.dry_run ? context.rack.would_prune_engines() : context.rack.prune_engines()) {
    for (const std::string& warning : engine.warnings) print_warning(context, warning);
    std::string text;
    for (const std::string& image : engine.images) {
      text += engine.engine + "  " + printable(image) + "  " + verb +
              "removed because its build is gone\n";
    }
    if (engine.cache_bytes != 0) {
      text += engine.engine + "  build cache  " + verb + "cut by " +
              human_bytes(engine.cache_bytes) + " (property cache-limit)\n";
    }
    context.out.write(text);
    freed += engine.image_bytes + engine.cache_bytes;
  }
  context.out.write((options.dry_run ? "would free " : "freed ") + human_bytes(freed) + "\n");
  return code;
}

constexpr std::array kDfFlags = {kFormatFlag};
constexpr std::array kPruneFlags = {Flag{.name = "dry-run",
                                         .summary = "change nothing: say what would be done",
                                         .target = &Options::dry_run}};

constexpr std::array kCommands = {
    Command{.name = "system",
            .summary = "Show what cooper keeps on this host, and in its engines",
            .flags = kDfFlags,
            .run = run_df},
    Command{.name = "system df",
            .summary = "Show what cooper keeps on this host, and in its engines",
            .flags = kDfFlags,
            .examples = "cooper system df --format json",
            .run = run_df},
    Command{.name = "system prune",
            .summary = "Prune all apps; remove images of builds that are gone; cap build caches",
            .flags = kPruneFlags,
            .examples = "cooper system prune --dry-run",
            .run = run_prune}};

}  // namespace

std::span<const Command> system_commands() { return kCommands; }

}  // namespace cooper::cli
