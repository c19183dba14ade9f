#pragma once
// convox.yml, as far as a build is concerned: which images to make, from what.
// Everything else in the file (ports, scale, balancers, ...) is legal and unread.

#include "model/names.h"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cooper::manifest {

/// A variable that a service wants from the app's environment.
struct EnvironmentEntry {
  std::string name;                          ///< `*` means all of them, as Convox has it
  std::optional<std::string> default_value;  ///< absent: must be set before a deploy
  bool operator==(const EnvironmentEntry&) const = default;
};

/// `K=V`, or a bare `K`, whose value comes from the app's environment.
using BuildArg = std::pair<std::string, std::optional<std::string>>;

/// One entry of `services:`. Either `image` is set, or `path` and `dockerfile` say what to build.
struct Service {
  ServiceName name;
  std::string path = ".";  ///< build context, relative to the source root, normal, beneath it
  std::string dockerfile = "Dockerfile";  ///< relative to `path`; normal; beneath the source root
  std::vector<BuildArg> args;             ///< in file order; a later one of a name wins
  std::string image;                      ///< an existing image to use; then nothing is built
  std::vector<EnvironmentEntry> environment;  ///< the service's own; see Manifest::environment
  int line = 0;                               ///< of its name in the file, 1-based; 0: no file
  int column = 0;
  bool operator==(const Service&) const = default;
};

struct Manifest {
  std::vector<Service> services;              ///< in file order, never empty
  std::vector<EnvironmentEntry> environment;  ///< for every service, before its own
  bool operator==(const Manifest&) const = default;
};

/// What a manifest may cost. Real ones have some kilobytes and hundreds of
/// values; at these limits the worst text takes about 50 ms and 16 MB.
struct Limits {
  std::size_t max_bytes = 256 << 10;  ///< of text, and of all values with what they stand for
  std::size_t max_depth = 64;         ///< of lists and maps in each other, aliases followed
  std::size_t max_nodes = 50'000;     ///< an alias counts as all that it stands for
  std::size_t max_flow = 10'000;      ///< of brackets, braces and commas together
};

struct ParseOptions {
  std::string file_name = "convox.yml";  ///< what messages call the file
  /// Replaces `${NAME}` in any key or value: the app's environment, and over it
  /// the build args. An unset name gives the empty text, as in Convox; a value
  /// is inserted as text and never read as YAML. `$NAME` and `${NAME:-x}` stay.
  std::map<std::string, std::string> variables;
  Limits limits;
  /// Is a key of a service that looks like a mistyped one of a build's an error? Not in a manifest
  /// that was built from already.
  bool refuses_mistyped = false;
};

/// Reads a manifest's text (UTF-8). Error{invalid} is one line,
/// `convox.yml:12:7: expected a path or a map for "build", found a list`, with
/// the 1-based line and column (in characters), and a hint that says what to do.
/// Time and memory are bounded by the limits, whatever the text.
[[nodiscard]] Result<Manifest> parse_manifest(std::string_view text,
                                              const ParseOptions& options = {});

/// What a source with a Dockerfile and no convox.yml means: service `web`, path `.`.
Manifest default_manifest();

}  // namespace cooper::manifest
