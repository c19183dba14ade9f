#pragma once
// A YAML text as a tree with positions. read_document.cc alone knows the YAML
// library and bounds depth, nodes and bytes before they are stored, so that no
// text, however hostile, costs more than the limits say.

#include "base/error.h"
#include "manifest/manifest.h"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cooper::manifest {

/// The key that merges other maps into a map.
inline constexpr std::string_view kMergeKey = "<<";

/// A value in the file. An alias is the very node that its anchor names.
struct Node {
  enum class Kind : std::uint8_t { nothing, text, list, map };
  using Entry = std::pair<const Node*, const Node*>;  ///< key (a text or nothing) and value

  Kind kind = Kind::nothing;
  int line = 0;                    ///< 1-based
  int column = 0;                  ///< 1-based, in bytes
  std::string text;                ///< of a text, interpolated
  std::vector<const Node*> items;  ///< of a list
  std::vector<Entry> entries;      ///< of a map, in file order, merge keys among them

  /// Nothing, or a text that interpolation left empty: as good as not given.
  bool is_blank() const { return kind == Kind::nothing || (kind == Kind::text && text.empty()); }
};

/// Owns the nodes; their addresses stay as it moves.
struct Document {
  std::deque<Node> nodes;
  const Node* root = nullptr;  ///< never null; `nothing` for an empty text
};

/// Refuses what must not reach the YAML library: it holds all tokens of a `[...]`
/// or `{...}` on one line at once, some hundred bytes for each; and it reads
/// UTF-16 and repairs UTF-8, after which no position fits the text any more.
[[nodiscard]] std::optional<Error> check_text(std::string_view text, const ParseOptions& options);

/// Reads the one document of `text`, replacing `${NAME}` as ParseOptions says.
/// Error{invalid} for what is not YAML, for a key given twice in a map, for a
/// key that is no text, for a merge of something else than maps, for a second
/// document, and for what goes beyond the limits.
[[nodiscard]] Result<Document> read_document(std::string_view text, const ParseOptions& options);

/// The entries of `map` with its merge keys (`<<`) resolved: a map's own entries
/// win, then those of earlier merged maps; own ones come first.
std::vector<Node::Entry> merged_entries(const Node& map);

/// The entry for `key`, own or merged; nullptrs if there is none.
Node::Entry find_entry(const Node& map, std::string_view key);

/// Without its line break; 1-based; empty beyond the end.
std::string_view line_of(std::string_view text, int line);

/// For messages: `"ubuntu"`, `a list`, `a map`, `nothing`.
std::string describe(const Node& node);

/// Error{invalid} `file:line:column: message`; the column is turned from bytes
/// into characters with the help of `text`.
Error error_at(const ParseOptions& options, std::string_view text, int line, int column,
               std::string_view message, std::string hint);

}  // namespace cooper::manifest
