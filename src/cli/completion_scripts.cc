// What `cooper completion SHELL` prints.

#include "cli/completion.h"

namespace cooper::cli {

namespace {

constexpr std::string_view kBash = R"SCRIPT(# bash completion for cooper
_cooper() {
  local line current=${COMP_WORDS[COMP_CWORD]} stem=
  [[ $current == "=" ]] && current=
  # bash ends a word at a colon: what stands before it (config:set) stays as it is.
  if [[ $current == ":" ]]; then
    stem=${COMP_WORDS[COMP_CWORD-1]}: current=
  elif ((COMP_CWORD > 2)) && [[ ${COMP_WORDS[COMP_CWORD-1]} == ":" ]]; then
    stem=${COMP_WORDS[COMP_CWORD-2]}:
  fi
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :folders) compopt -o filenames; mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$current") ;;
      :files) compopt -o filenames; mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current") ;;
      *) line=${line%%$'\t'*}; COMPREPLY+=("${line#"$stem"}") ;;
    esac
  done < <("${1/#\~/$HOME}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _cooper cooper
)SCRIPT";

constexpr std::string_view kZsh = R"SCRIPT(#compdef cooper
_cooper() {
  local line
  local -a described
  while IFS= read -r line; do
    case $line in
      # --manifest=FILE: the file begins after the first equals sign.
      :folders) [[ $PREFIX == --*=* ]] && compset -P 1 '*='; _files -/ ;;
      :files) [[ $PREFIX == --*=* ]] && compset -P 1 '*='; _files ;;
      *$'\t'*) described+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
      *) described+=("${line//:/\\:}") ;;
    esac
  done < <(${~words[1]} __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
  (( $#described )) && _describe -V cooper described
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _cooper "$@"
else
  compdef _cooper cooper
fi
)SCRIPT";

constexpr std::string_view kFish = R"SCRIPT(# fish completion for cooper
function __cooper_complete
  set -l before (commandline -opc)
  set -l current (commandline -ct)
  set -l program (string replace -r '^~' $HOME -- $before[1])
  # --manifest=FILE: the file begins after the first equals sign.
  set -l flag (string match -r -- '^--[^=]*=' $current)
  set -l path (string replace -r -- '^--[^=]*=' '' $current)
  for line in ($program __complete $before[2..-1] "$current" 2>/dev/null)
    switch $line
      case :folders
        for found in (__fish_complete_directories "$path")
          printf '%s\n' "$flag$found"
        end
      case :files
        for found in (__fish_complete_path "$path")
          printf '%s\n' "$flag$found"
        end
      case '*'
        printf '%s\n' $line
    end
  end
end
complete -c cooper -f -a '(__cooper_complete)'
)SCRIPT";

}  // namespace

std::string_view completion_script(std::string_view shell) {
  if (shell == "bash") return kBash;
  if (shell == "zsh") return kZsh;
  if (shell == "fish") return kFish;
  return {};
}

}  // namespace cooper::cli
