#pragma once
// The few facts that a build needs from a Dockerfile before an engine reads it:
// which build args and labels it has, which stages, which images it starts from.

#include "base/error.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cooper::manifest {

/// One FROM instruction.
struct Stage {
  std::string name;  ///< what `AS` calls it, in lower case; empty: it has only its number
  std::string base;  ///< image or earlier stage, as written (`$VERSION` stays)
  int line = 0;      ///< 1-based
  bool operator==(const Stage&) const = default;
};

struct DockerfileFacts {
  std::set<std::string> declared_args;  ///< of every ARG, before and after FROM
  std::vector<Stage> stages;            ///< in file order, never empty
  std::set<std::string> labels;         ///< keys of every LABEL, of all stages
  std::string syntax;                   ///< what a `# syntax=` line names; empty: there is none
  int syntax_line = 0;                  ///< 1-based
  int heredoc_line = 0;     ///< 1-based line of the first instruction with a heredoc; 0: none
  int target_run_line = 0;  ///< 1-based line of the first RUN in a stage that is for the image's
                            ///< platform, not for one that `FROM --platform=` names; 0: none
  std::map<std::string, std::string> defaults;  ///< of the ARGs before the first FROM
  /// What COPY, ADD and mounts of RUN take files from: stages or images, as written.
  std::set<std::string> copied_from;
  /// What it reads only an engine can tell: an ADD from the network or of a variable, a
  /// FROM with a platform, a mount with quotes.
  bool asks_engine = false;
  bool operator==(const DockerfileFacts&) const = default;
};

/// Reads a Dockerfile's text. Only what certainly can't build is an
/// Error{invalid} (too big, no FROM, a FROM without an image); every other
/// mistake is left to the engine, whose message is the authority.
/// `file_name` is what messages call the file.
[[nodiscard]] Result<DockerfileFacts> parse_dockerfile(std::string_view text,
                                                       std::string_view file_name = "Dockerfile");

/// The images that a build with these facts reads, ascending, with the values of
/// `build_args` in place of variables. nullopt if that can't be told: a variable
/// without a value, or one that is changed on the way (`${V:-x}`).
std::optional<std::vector<std::string>> images_read(
    const DockerfileFacts& facts,
    const std::vector<std::pair<std::string, std::string>>& build_args);

}  // namespace cooper::manifest
