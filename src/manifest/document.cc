#include "manifest/document.h"

#include "base/text.h"

#include <algorithm>
#include <unordered_set>

namespace cooper::manifest {

namespace {

template <class Visitor>
void for_each_merged(const Node& map, const Visitor& visit) {
  for (const auto& [key, value] : map.entries) {
    if (key->text != kMergeKey) continue;
    if (value->kind == Node::Kind::map) visit(*value);
    for (const Node* item : value->items) visit(*item);
  }
}

void collect_entries(const Node& map, std::vector<Node::Entry>& entries,
                     std::unordered_set<std::string_view>& seen) {
  for (const Node::Entry& entry : map.entries) {
    if (entry.first->text != kMergeKey && seen.insert(entry.first->text).second) {
      entries.push_back(entry);
    }
  }
  for_each_merged(map, [&](const Node& merged) { collect_entries(merged, entries, seen); });
}

}  // namespace

/// 1-based; empty beyond the end.
std::string_view line_of(std::string_view text, int line) {
  for (; line > 1; --line) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

std::string describe(const Node& node) {
  switch (node.kind) {
    case Node::Kind::nothing:
      return "nothing";
    case Node::Kind::text:
      return "\"" + shorten(node.text, 60) + "\"";
    case Node::Kind::list:
      return "a list";
    case Node::Kind::map:
      return "a map";
  }
  return {};
}

Node::Entry find_entry(const Node& map, std::string_view key) {
  for (const Node::Entry& entry : map.entries) {
    if (entry.first->text == key) return entry;
  }
  Node::Entry found{};
  for_each_merged(map, [&](const Node& merged) {
    if (found.first == nullptr) found = find_entry(merged, key);
  });
  return found;
}

std::vector<Node::Entry> merged_entries(const Node& map) {
  std::vector<Node::Entry> entries;
  std::unordered_set<std::string_view> seen;
  collect_entries(map, entries, seen);
  return entries;
}

Error error_at(const ParseOptions& options, std::string_view text, int line, int column,
               std::string_view message, std::string hint) {
  const std::string_view before =
      line_of(text, line).substr(0, static_cast<std::size_t>(std::max(column - 1, 0)));
  // Bytes beyond the line's end (the library may point there) count as characters.
  const auto continuation = std::ranges::count_if(
      before, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; });
  return Error(Errc::invalid,
               printable(options.file_name) + ":" + std::to_string(line) + ":" +
                   std::to_string(column - static_cast<int>(continuation)) + ": " +
                   printable(message),
               std::move(hint));
}

}  // namespace cooper::manifest
