#pragma once
// Completion in shells. The scripts ask `cooper __complete WORD...`, which reads
// the tables of commands: they can't drift apart.

#include "cli/context.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::cli {

/// One way to go on.
struct Candidate {
  std::string text;     ///< the whole word
  std::string summary;  ///< what shells that can show beside it; may be empty
};

/// What may stand in place of the last word.
struct Candidates {
  std::vector<Candidate> words;
  enum class Paths { none, folders, files } paths = Paths::none;  ///< the shell adds these
};

/// `words`: what was typed after `cooper`, the last one being the word at the
/// cursor (maybe empty). A shell that takes `--flag=x` apart at the `=` (bash)
/// gets candidates for the part after it. May throw Error.
Candidates complete(const Context& context, std::span<const std::string> words);

/// What the scripts read: a line for each candidate, `text<TAB>summary`;
/// `:folders` and `:files` stand for the shell's own.
std::string to_lines(const Candidates& candidates);

/// The script for `bash`, `zsh` or `fish`; empty for another shell.
std::string_view completion_script(std::string_view shell);

}  // namespace cooper::cli
