#pragma once
// The rules of a `.dockerignore` file: which paths of a source folder are left
// out of the build. Same results as Docker's own matcher
// (github.com/moby/patternmatcher).

#include "base/error.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::source {

/// One pattern as a small automaton: matching takes time proportional to
/// pattern x path at worst, whatever the pattern.
class IgnorePattern {
 public:
  /// `cleaned` is a pattern without `!`, as filepath.Clean leaves it.
  /// Error{invalid} says what is wrong with its syntax.
  [[nodiscard]] static Result<IgnorePattern> compile(std::string_view cleaned);

  enum class Match : std::uint8_t {
    none,           ///< neither the path nor anything beneath it
    maybe_beneath,  ///< not the path, but something beneath it may match
    full,           ///< the path or a folder that it is in
  };
  Match match(std::string_view relative_path) const;

 private:
  enum class Kind : std::uint8_t {
    literal,        ///< the code point `low`
    one,            ///< `?`: any code point but `/`
    klass,          ///< `[...]`: the ranges low..high of ranges_
    negated_klass,  ///< `[^...]`; like Docker's, it does match `/`
    segment,        ///< `*`: any number of code points but `/`
    everything,     ///< a trailing `**`
    folders,        ///< `**` before more: nothing, or anything that ends in `/`
    folders_body,   ///< the state inside of `folders`
    accept,
  };
  struct Token {
    Kind kind;
    char32_t low = 0;   ///< literal; or first index into ranges_
    char32_t high = 0;  ///< one past the last index into ranges_
  };
  struct Range {
    char32_t low;
    char32_t high;
  };
  class States;
  friend class IgnorePatternParser;

  bool accepts(const Token& token, char32_t c) const;
  void find_shape();
  Match match_names(std::string_view path) const;

  /// `**/name` and `**/*end` are most of all patterns that must look at the whole
  /// of every path: these are compared as text.
  enum class Shape : std::uint8_t { any, name, end_of_name };
  Shape shape_ = Shape::any;
  std::string text_;  ///< the name, or its end

  std::vector<Token> tokens_;
  std::vector<Range> ranges_;
};

/// All rules of one file, in order; the last one that matches decides.
class IgnoreRules {
 public:
  /// No rules: nothing is excluded.
  IgnoreRules() = default;

  /// Parses the text of a `.dockerignore`. Error{invalid} names the line.
  [[nodiscard]] static Result<IgnoreRules> parse(std::string_view text);

  /// Rules from patterns that were taken out of such a file before: no comments,
  /// one rule each. Error{invalid} names the pattern.
  [[nodiscard]] static Result<IgnoreRules> from_patterns(std::span<const std::string> patterns);

  /// The path is `/`-separated, relative to the source folder, without `.`,
  /// `..` or a trailing `/`. A rule that matches a folder also matches all
  /// beneath it.
  bool excludes(std::string_view relative_path) const;

  /// False if no rule could bring back anything beneath this excluded folder,
  /// so that a walk need not enter it.
  bool may_include_beneath(std::string_view folder) const;

  /// False if no rule could exclude anything beneath this folder that is not
  /// excluded itself.
  bool may_exclude_beneath(std::string_view folder) const;

  /// A folder that is excluded is so with all beneath it.
  bool excludes_whole_folders() const noexcept { return !any_brings_back_; }

  bool empty() const noexcept { return rules_.empty(); }

 private:
  struct Rule {
    IgnorePattern pattern;
    bool brings_back;  ///< it was written with `!`
  };
  /// nullopt when it was added, else what is wrong with it.
  std::optional<Error> add(std::string_view pattern);

  std::vector<Rule> rules_;
  bool any_brings_back_ = false;
};

/// The rules of `folder`/.dockerignore; none if there is no such file.
/// Error{invalid} names file and line. Throws Error if it can't be read.
[[nodiscard]] Result<IgnoreRules> read_ignore_rules(const std::filesystem::path& folder);

}  // namespace cooper::source
