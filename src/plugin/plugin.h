#pragma once
// Dokku's face of cooper: `cooper builds:list ...`, and the programs of the
// plugin folder, which are links to cooper.

#include "plugin/face.h"
#include "store/layout.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::plugin {

/// What was called, in which words.
struct Call {
  enum class Program { subcommand, trigger, commands, unknown };
  Program program = Program::subcommand;
  std::string name;                ///< "list", "builds-record-start", "apps:locked"
  std::vector<std::string> words;  ///< what follows the name
  bool from_folder = false;        ///< by Dokku, through a link of the plugin folder
};

/// Is this command line one for Dokku's face? `arguments` with the program's
/// name, which tells the links apart.
std::optional<Call> recognize(std::span<char* const> arguments);

/// Names of the plugin folder's programs: of subcommands/, and of triggers.
std::vector<std::string> subcommand_names();
std::vector<std::string> trigger_names();

/// Dokku's data root: $DOKKU_LIB_ROOT, else /var/lib/dokku; apps in $DOKKU_ROOT,
/// else /home/dokku. What the plugin folder's programs work on.
store::Layout dokku_layout();

/// Does it, and gives the exit code. Never throws Error: what can't be done is
/// said on `face.err`. An output that can't be written is a failure, unless its
/// reader has gone.
int run(const Face& face, const Call& call);

/// The same on the standard streams. From here on SIGPIPE is ignored.
int run(const Call& call, rack::Rack& rack, store::FileStore& store);

}  // namespace cooper::plugin
