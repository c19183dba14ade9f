#include "base/ascii.h"
#include "base/text.h"
#include "manifest/document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <unordered_map>

namespace cooper::manifest {

namespace {

// The braces of `${NAME}` mean a map to YAML where they stand in `[...]` or
// `{...}`, but Convox interpolates before it reads. So they travel through the
// YAML library as these two control characters, which no manifest may hold: the
// positions stay true, and what is inserted later can't become YAML.
constexpr char kOpen = '\x02';
constexpr char kClose = '\x03';

bool is_name_character(char c) { return is_letter_or_digit(c) || c == '_'; }

/// The length of `${NAME}` at the start of `text`, with its braces spelled as given; 0 if none.
std::size_t reference_length(std::string_view text, char open, char close) {
  if (text.size() < 3 || text[0] != '$' || text[1] != open) return 0;
  std::size_t end = 2;
  while (end < text.size() && is_name_character(text[end])) ++end;
  return end < text.size() && text[end] == close ? end + 1 : 0;
}

std::string hide_references(std::string_view text) {
  std::string hidden(text);
  for (std::size_t at = hidden.find('$'); at != std::string::npos; at = hidden.find('$', at + 1)) {
    if (const std::size_t length = reference_length(text.substr(at), '{', '}'); length != 0) {
      hidden[at + 1] = kOpen;
      hidden[at + length - 1] = kClose;
    }
  }
  return hidden;
}

std::string show_references(std::string text) {
  std::ranges::replace(text, kOpen, '{');
  std::ranges::replace(text, kClose, '}');
  return text;
}

/// Without the `&anchor` and `!tag` that may stand before a value.
std::string_view after_properties(std::string_view value) {
  while (value.starts_with('&') || value.starts_with('!')) {
    value.remove_prefix(std::min(value.find_first_of(" \t\r\n"), value.size()));
    value.remove_prefix(std::min(value.find_first_not_of(" \t\r\n"), value.size()));
  }
  return value;
}

/// What a value stands for, aliases followed: the measure of the limits.
struct Cost {
  std::size_t nodes = 0;
  std::size_t bytes = 0;
};

/// Builds the tree from the library's events. Throws Error, which passes
/// through the library up to read_document.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, const ParseOptions& options)
      : text_(text), options_(options) {}

  Document take() {
    if (document_.root == nullptr)
      document_.root = &document_.nodes.emplace_back(Node{.line = 1, .column = 1});
    return std::move(document_);
  }

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override { check_last_quote(); }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    leaf(Node::Kind::nothing, mark, anchor, {});
  }

  void OnScalar(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                const std::string& value) override {
    last_scalar_ = mark;
    leaf(Node::Kind::text, mark, anchor, interpolate(value, mark));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const Anchored& target = anchors_.at(anchor);
    if (!target.closed) {
      fail(mark, "this alias stands for a value that contains it",
           "an alias can only repeat a value that is complete before it");
    }
    if (open_.size() + target.height > options_.limits.max_depth) fail_depth(mark);
    spend(target.cost, mark);
    attach(target.node, mark, target.height);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(Node::Kind::list, mark, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(Node::Kind::map, mark, anchor);
  }
  void OnMapEnd() override { close(); }

  [[noreturn]] void fail(const YAML::Mark& mark, std::string_view message, std::string hint) const {
    throw error_at(options_, text_, mark.line + 1, mark.column + 1, message, std::move(hint));
  }

 private:
  struct Anchored {
    const Node* node = nullptr;
    bool closed = true;
    std::size_t height = 0;  ///< of lists and maps in each other; 0 for a text
    Cost cost;
  };

  /// A list or map whose end has not come yet.
  struct Open {
    Node* node = nullptr;
    YAML::anchor_t anchor = YAML::NullAnchor;
    Cost before;  ///< spent when it began
    std::size_t height = 1;
    const Node* key = nullptr;  ///< of a map: its value comes next
    std::unordered_map<std::string_view, const Node*> keys;
  };

  /// The library takes a quote that is never closed for one that ends with the
  /// file, which would swallow every service below it without a word.
  void check_last_quote() const {
    if (last_scalar_.is_null()) return;
    const std::string_view rest =
        after_properties(text_.substr(static_cast<std::size_t>(last_scalar_.pos)));
    if (rest.empty() || (rest[0] != '"' && rest[0] != '\'')) return;
    const char quote = rest[0];
    for (std::size_t at = 1; at < rest.size(); ++at) {
      const bool doubled = quote == '\'' && rest.substr(at).starts_with("''");
      if (doubled || (quote == '"' && rest[at] == '\\')) {
        ++at;  // a quote that belongs to the text
      } else if (rest[at] == quote) {
        return;
      }
    }
    fail(last_scalar_, "this quote is never closed", std::string("add the second ") + quote);
  }

  std::string interpolate(const std::string& value, const YAML::Mark& mark) const {
    std::string result;
    std::string_view rest = value;
    for (;;) {
      const std::size_t at = rest.find('$');
      result += rest.substr(0, at);
      if (result.size() > options_.limits.max_bytes) fail_size(mark);
      if (at == std::string_view::npos) return result;
      rest.remove_prefix(at);
      const std::size_t length = reference_length(rest, kOpen, kClose);
      if (length == 0) {
        result += '$';
        rest.remove_prefix(1);
        continue;
      }
      const auto variable = options_.variables.find(std::string(rest.substr(2, length - 3)));
      if (variable != options_.variables.end()) result += variable->second;
      rest.remove_prefix(length);
    }
  }

  void leaf(Node::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor, std::string text) {
    const Cost cost{.nodes = 1, .bytes = text.size()};
    spend(cost, mark);
    Node& node = add(kind, mark);
    node.text = std::move(text);
    if (anchor != YAML::NullAnchor) anchors_[anchor] = {.node = &node, .cost = cost};
    attach(&node, mark, 0);
  }

  void open(Node::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (open_.size() >= options_.limits.max_depth) fail_depth(mark);
    const Cost before = spent_;
    spend({.nodes = 1}, mark);
    Node& node = add(kind, mark);
    if (anchor != YAML::NullAnchor) anchors_[anchor] = {.node = &node, .closed = false};
    attach(&node, mark, 0);
    open_.push_back({.node = &node, .anchor = anchor, .before = before});
  }

  void close() {
    const Open& done = open_.back();
    for (const auto& [key, value] : done.node->entries) {
      if (key->text == kMergeKey) check_merge(*value);
    }
    if (done.anchor != YAML::NullAnchor) {
      anchors_[done.anchor] = {.node = done.node,
                               .height = done.height,
                               .cost = {.nodes = spent_.nodes - done.before.nodes,
                                        .bytes = spent_.bytes - done.before.bytes}};
    }
    const std::size_t height = done.height;
    open_.pop_back();
    if (!open_.empty()) open_.back().height = std::max(open_.back().height, height + 1);
  }

  /// Hangs a value under the list or map that is open.
  void attach(const Node* node, const YAML::Mark& mark, std::size_t height) {
    if (open_.empty()) {
      document_.root = node;
      return;
    }
    Open& parent = open_.back();
    parent.height = std::max(parent.height, height + 1);
    if (parent.node->kind == Node::Kind::list) {
      parent.node->items.push_back(node);
    } else if (parent.key == nullptr) {
      check_key(*node, mark);
      parent.key = node;
    } else {
      parent.node->entries.emplace_back(parent.key, node);
      parent.key = nullptr;
    }
  }

  void check_key(const Node& key, const YAML::Mark& mark) {
    if (key.kind == Node::Kind::list || key.kind == Node::Kind::map) {
      fail(mark, "expected a text as a key, found " + describe(key),
           "a key with brackets or braces needs quotes");
    }
    if (key.text == kMergeKey) return;  // may be given several times
    const auto [first, is_new] = open_.back().keys.emplace(key.text, &key);
    if (is_new) return;
    fail(mark,
         "\"" + shorten(key.text, 60) + "\" is given twice, first on line " +
             std::to_string(first->second->line),
         "keep one of the two");
  }

  /// What `<<` merges is known to be maps before anyone resolves it.
  void check_merge(const Node& value) const {
    if (value.kind == Node::Kind::map) return;
    if (value.kind == Node::Kind::list) {
      const auto other = std::ranges::find_if(
          value.items, [](const Node* item) { return item->kind != Node::Kind::map; });
      if (other == value.items.end()) return;
      fail_merge(**other);
    }
    fail_merge(value);
  }

  [[noreturn]] void fail_merge(const Node& found) const {
    throw error_at(options_, text_, found.line, found.column,
                   "expected a map or a list of maps for \"<<\", found " + describe(found),
                   "\"<<: *name\" takes over the entries of the map that &name marks");
  }

  Node& add(Node::Kind kind, const YAML::Mark& mark) {
    return document_.nodes.emplace_back(
        Node{.kind = kind, .line = mark.line + 1, .column = mark.column + 1});
  }

  void spend(const Cost& cost, const YAML::Mark& mark) {
    spent_.nodes += cost.nodes;
    spent_.bytes += cost.bytes;
    if (spent_.nodes > options_.limits.max_nodes) {
      fail(mark,
           "more than " + std::to_string(options_.limits.max_nodes) +
               " values up to here, with what aliases stand for",
           "a manifest has some hundred values; take out what is generated");
    }
    if (spent_.bytes > options_.limits.max_bytes) fail_size(mark);
  }

  [[noreturn]] void fail_depth(const YAML::Mark& mark) const {
    fail(mark,
         "more than " + std::to_string(options_.limits.max_depth) + " lists and maps in each other",
         "flatten the manifest here");
  }

  [[noreturn]] void fail_size(const YAML::Mark& mark) const {
    fail(mark,
         "more than " + human_bytes(options_.limits.max_bytes) +
             " of text up to here, with what variables and aliases stand for",
         "take large values out of the manifest");
  }

  std::string_view text_;
  const ParseOptions& options_;
  Document document_;
  YAML::Mark last_scalar_ = YAML::Mark::null_mark();
  Cost spent_;
  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, Anchored> anchors_;
};

/// The library says where it stopped; what people got wrong is often elsewhere.
Error translate(const YAML::Exception& error, std::string_view text, const ParseOptions& options) {
  const int line = std::max(error.mark.line, 0) + 1;
  const int column = std::max(error.mark.column, 0) + 1;
  const std::string_view here = line_of(text, line);
  const std::size_t tab = here.find('\t');
  if (tab != std::string_view::npos && here.find_first_not_of(" \t") > tab) {
    return error_at(options, text, line, static_cast<int>(tab) + 1,
                    "not valid YAML: a tab in the indentation", "indent with spaces");
  }
  return error_at(options, text, line, column, "not valid YAML: " + show_references(error.msg),
                  "look at this line and those above it: is the indentation right, is every quote "
                  "and bracket closed?");
}

/// Finds out whether anything follows the first document.
class NothingMore : public TreeBuilder {
 public:
  using TreeBuilder::TreeBuilder;
  void OnScalar(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                const std::string& /*value*/) override {
    fail_more(mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/,
                       YAML::anchor_t /*anchor*/, YAML::EmitterStyle::value /*style*/) override {
    fail_more(mark);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value /*style*/) override {
    fail_more(mark);
  }

 private:
  [[noreturn]] void fail_more(const YAML::Mark& mark) const {
    fail(mark, "expected the end of the manifest, found a second document",
         "a manifest is one document: take out what follows, and the \"---\" before it");
  }
};

}  // namespace

Result<Document> read_document(std::string_view text, const ParseOptions& options) {
  if (std::optional<Error> refused = check_text(text, options)) return *std::move(refused);
  try {
    std::istringstream stream(hide_references(text));
    YAML::Parser parser(stream);
    TreeBuilder builder(text, options);
    parser.HandleNextDocument(builder);
    NothingMore nothing_more(text, options);
    while (parser.HandleNextDocument(nothing_more)) {
    }
    return builder.take();
  } catch (const YAML::Exception& error) {  // adapter: how the library reports bad YAML
    return translate(error, text, options);
  } catch (const Error& error) {  // adapter: from TreeBuilder, through the library
    return error;
  }
}

}  // namespace cooper::manifest
