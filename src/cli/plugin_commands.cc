// `cooper plugin ...`: cooper as Dokku's plugin.

#include "base/text.h"
#include "cli/context.h"
#include "cli/help.h"
#include "cli/table.h"
#include "plugin/folder.h"

#include <array>

namespace cooper::cli {
namespace fs = std::filesystem;

namespace {

/// --dir, else where Dokku's plugins are. Not `builds`: that name is the original's.
fs::path plugin_folder(const Context& context, const Options& options) {
  if (options.dir == "") throw Error(Errc::invalid, "--dir is empty", "name the plugin's folder");
  if (options.dir) return fs::absolute(*options.dir).lexically_normal();
  const std::string plugins = context.variable("PLUGIN_PATH");
  return fs::path(plugins.empty() ? "/var/lib/dokku/plugins" : plugins) / "available" /
         "cooper-builds";
}

std::string_view describe(plugin::FolderState state) {
  switch (state) {
    case plugin::FolderState::absent:
      return "not installed";
    case plugin::FolderState::ours:
      return "installed";
    case plugin::FolderState::foreign:
      break;
  }
  return "not cooper's";
}

int run_status(Context& context, const Options& options) {
  const fs::path folder = plugin_folder(context, options);
  const Facts facts = {{"Folder", {folder.string()}},
                       {"State", {std::string(describe(plugin::look_at_folder(folder)))}}};
  context.out.write(facts_text(facts, context.out.colours()));
  return 0;
}

int run_install(Context& context, const Options& options) {
  const fs::path folder = plugin_folder(context, options);
  const std::string version(trim(version_text().substr(std::string_view("cooper ").size())));
  plugin::install_folder(folder, fs::read_symlink("/proc/self/exe"), version);
  context.out.write("Installing " + printable(folder.string()) + "... OK\n");
  if (folder.parent_path().filename() == "available") {
    const fs::path link = folder.parent_path().parent_path() / "enabled" / "builds";
    context.err.write("  hint: to let Dokku use it: ln -sfn " + printable(folder.string()) + " " +
                      printable(link.string()) + "\n");
  }
  return 0;
}

constexpr std::array kFlags = {
    Flag{.name = "dir",
         .value = "DIR",
         .summary = "the plugin's folder (default: $PLUGIN_PATH/available/cooper-builds)",
         .target = &Options::dir,
         .offer = Offer::folder}};

constexpr std::array kCommands = {
    Command{.name = "plugin",
            .summary = "Say whether cooper is installed as Dokku's plugin",
            .flags = kFlags,
            .run = run_status,
            .runs = Runs::here},
    Command{.name = "plugin install",
            .summary = "Lay out the folder by which Dokku uses cooper as its plugin `builds`",
            .flags = kFlags,
            .examples = "cooper plugin install\n"
                        "cooper plugin install --dir /tmp/plugins/builds",
            .run = run_install,
            .runs = Runs::here}};

}  // namespace

std::span<const Command> plugin_commands() { return kCommands; }

}  // namespace cooper::cli
