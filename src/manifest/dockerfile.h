#pragma once
// The few facts that a build needs from a Dockerfile before an engine reads it:
// which build args and labels it has, and which stages.

#include "base/error.h"

#include <set>
#include <string>
#include <string_view>
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
  int heredoc_line = 0;  ///< 1-based line of the first instruction with a heredoc; 0: none
  bool operator==(const DockerfileFacts&) const = default;
};

/// Reads a Dockerfile's text. Only what certainly can't build is an
/// Error{invalid} (too big, no FROM, a FROM without an image); every other
/// mistake is left to the engine, whose message is the authority.
/// `file_name` is what messages call the file.
[[nodiscard]] Result<DockerfileFacts> parse_dockerfile(std::string_view text,
                                                       std::string_view file_name = "Dockerfile");

}  // namespace cooper::manifest
