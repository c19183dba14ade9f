#include "manifest/dockerfile.h"

#include "base/ascii.h"
#include "base/text.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <span>

namespace cooper::manifest {

namespace {

constexpr std::size_t kMaxBytes = 4 << 20;
constexpr std::string_view kBlank = " \t\r\v\f";

std::string_view trim_front(std::string_view text, std::string_view blank = kBlank) {
  text.remove_prefix(std::min(text.find_first_not_of(blank), text.size()));
  return text;
}

std::string_view trim_back(std::string_view text, std::string_view blank = kBlank) {
  return text.substr(0, text.find_last_not_of(blank) + 1);
}

/// Splits at blanks outside of quotes, as a shell does; quotes and escapes stay in the words.
std::vector<std::string_view> words_of(std::string_view text, char escape) {
  std::vector<std::string_view> words;
  for (text = trim_front(text); !text.empty(); text = trim_front(text)) {
    char quote = 0;
    std::size_t end = 0;
    for (; end < text.size(); ++end) {
      const char c = text[end];
      if (quote == 0 && kBlank.find(c) != std::string_view::npos) break;
      if (c == escape && quote != '\'') {
        ++end;  // the next one means nothing special
      } else if (c == quote) {
        quote = 0;
      } else if (quote == 0 && (c == '"' || c == '\'')) {
        quote = c;
      }
    }
    end = std::min(end, text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

struct Heredoc {
  std::string end;  ///< the line that ends it
  bool strips_tabs = false;
};

/// `<<EOF`, `3<<-"EOF"`: the word opens a heredoc. `<<<word` and `a<<b` do not.
std::optional<Heredoc> heredoc_of(std::string_view word, char escape) {
  word = trim_front(word, "0123456789");
  if (!word.starts_with("<<")) return std::nullopt;
  word.remove_prefix(2);
  Heredoc heredoc;
  if (word.starts_with('-')) {
    heredoc.strips_tabs = true;
    word.remove_prefix(1);
  }
  if (word.find('<') != std::string_view::npos) return std::nullopt;
  std::ranges::copy_if(word, std::back_inserter(heredoc.end),
                       [&](char c) { return c != '"' && c != '\'' && c != escape; });
  if (heredoc.end.empty()) return std::nullopt;
  return heredoc;
}

/// An instruction with its continuation lines joined.
struct Instruction {
  std::string text;
  int line = 0;
  bool has_heredoc = false;
};

/// Cuts the text into instructions, as BuildKit does: comments, also between
/// continuation lines, parser directives and heredoc bodies are passed over.
class InstructionReader {
 public:
  explicit InstructionReader(std::string_view text) : rest_(text) { read_directives(); }

  char escape() const { return escape_; }
  const std::string& syntax() const { return syntax_; }
  int syntax_line() const { return syntax_line_; }

  /// nullopt at the end.
  std::optional<Instruction> next() {
    Instruction instruction;
    bool continues = false;
    while (!rest_.empty()) {
      const std::string_view line = trim_back(take_line());
      const std::string_view trimmed = trim_front(line);
      if (trimmed.empty() || trimmed.starts_with('#')) continue;
      if (!continues) instruction.line = line_;
      continues = is_continued(line);
      instruction.text += continues ? line.substr(0, line.size() - 1) : line;
      if (!continues) break;
    }
    if (instruction.line == 0) return std::nullopt;
    skip_heredocs(instruction);
    return instruction;
  }

 private:
  std::string_view take_line() {
    const std::size_t end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    ++line_;
    return line;
  }

  /// `# name=value` lines at the very top; `check` does not concern us.
  void read_directives() {
    for (;;) {
      std::string_view line = trim(rest_.substr(0, rest_.find('\n')));
      const std::size_t equals = line.find('=');
      if (!line.starts_with('#') || equals == std::string_view::npos) return;
      const std::string name = lowered(trim(line.substr(1, equals - 1)));
      const std::string_view value = trim(line.substr(equals + 1));
      if (name != "syntax" && name != "escape" && name != "check") return;
      if (name == "escape" && value == "`") escape_ = '`';
      take_line();
      if (name == "syntax" && syntax_line_ == 0) {
        syntax_ = value;
        syntax_line_ = line_;
      }
    }
  }

  /// Two escapes at the end are one that is meant literally.
  bool is_continued(std::string_view line) const {
    return line.ends_with(escape_) && (line.size() < 2 || line[line.size() - 2] != escape_);
  }

  void skip_heredocs(Instruction& instruction) {
    if (!knows_heredocs_ || instruction.text.find("<<") == std::string::npos) return;
    std::vector<std::string_view> words = words_of(instruction.text, escape_);
    std::size_t first = 0;
    if (lowered(words[first]) == "onbuild") ++first;
    if (first >= words.size()) return;
    const std::string name = lowered(words[first]);
    if (name != "run" && name != "copy" && name != "add") return;
    for (; first < words.size(); ++first) {
      const std::optional<Heredoc> heredoc = heredoc_of(words[first], escape_);
      if (!heredoc) continue;
      if (!skip_body(*heredoc)) return;
      instruction.has_heredoc = true;
    }
  }

  /// A heredoc without its end is none: an engine that knows heredocs will
  /// refuse the file, so it is meant for one that does not. False then.
  bool skip_body(const Heredoc& heredoc) {
    const std::string_view rest = rest_;
    const int line = line_;
    while (!rest_.empty()) {
      std::string_view body = trim_back(take_line(), "\r");
      if (heredoc.strips_tabs) body = trim_front(body, "\t");
      if (body == heredoc.end) return true;
    }
    rest_ = rest;
    line_ = line;
    knows_heredocs_ = false;
    return false;
  }

  std::string_view rest_;
  int line_ = 0;  ///< of the line taken last
  char escape_ = '\\';
  std::string syntax_;
  int syntax_line_ = 0;
  bool knows_heredocs_ = true;
};

/// The names of `NAME=value` words, or of bare ones.
void add_names(std::span<const std::string_view> words, std::set<std::string>& names) {
  for (std::string_view word : words) {
    word = word.substr(0, word.find('='));
    if (word.starts_with('"') || word.starts_with('\'')) word.remove_prefix(1);
    if (word.ends_with('"') || word.ends_with('\'')) word.remove_suffix(1);
    if (!word.empty()) names.emplace(word);
  }
}

std::string_view unquoted(std::string_view word) {
  const bool quoted = word.size() >= 2 && (word.front() == '"' || word.front() == '\'') &&
                      word.front() == word.back();
  return quoted ? word.substr(1, word.size() - 2) : word;
}

void add_defaults(std::span<const std::string_view> words,
                  std::map<std::string, std::string>& defaults) {
  for (const std::string_view word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos) continue;
    defaults[std::string(word.substr(0, equals))] = unquoted(word.substr(equals + 1));
  }
}

/// The `from=` of a mount: `type=bind,from=tools,target=/x`. Quotes are the engine's to read.
void add_mount(std::string_view options, DockerfileFacts& facts) {
  if (options.find('"') != std::string_view::npos) facts.asks_engine = true;
  for (const std::string_view option : split(options, ',')) {
    constexpr std::string_view kFrom = "from=";
    if (lowered(option).starts_with(kFrom)) {
      facts.copied_from.emplace(option.substr(kFrom.size()));
    }
  }
}

/// A variable may be one, too.
bool may_be_remote(std::string_view source) {
  return source.find("://") != std::string_view::npos || source.starts_with("git@") ||
         source.find('$') != std::string_view::npos;
}

/// What COPY, ADD and RUN take from elsewhere than the context.
void add_sources(std::string_view keyword, std::span<const std::string_view> words,
                 DockerfileFacts& facts) {
  constexpr std::string_view kFrom = "--from=";
  constexpr std::string_view kMount = "--mount=";
  for (const std::string_view word : words) {
    if (keyword == "run") {
      if (!word.starts_with("--")) return;
      if (word.starts_with(kMount)) add_mount(word.substr(kMount.size()), facts);
      continue;
    }
    if (word.starts_with(kFrom)) facts.copied_from.emplace(unquoted(word.substr(kFrom.size())));
    if (keyword == "add" && may_be_remote(word)) facts.asks_engine = true;
  }
}

/// What an instruction adds to the facts; of FROM, all but the stage.
void note(std::string_view keyword, std::span<const std::string_view> words,
          DockerfileFacts& facts) {
  if (keyword == "arg") {
    add_names(words, facts.declared_args);
    if (facts.stages.empty()) add_defaults(words, facts.defaults);
  } else if (keyword == "label") {
    add_names(words, facts.labels);
  } else if (keyword == "from") {
    // Which image that is depends on what the engine has for the platform.
    if (!words.empty() && words.front().starts_with("--platform")) facts.asks_engine = true;
  } else if (keyword == "copy" || keyword == "add" || keyword == "run") {
    add_sources(keyword, words, facts);
  }
}

/// nullopt: it names no image.
std::optional<Stage> stage_of(std::span<const std::string_view> words, int line) {
  while (!words.empty() && words.front().starts_with("--")) words = words.subspan(1);
  if (words.empty()) return std::nullopt;
  Stage stage{.base = std::string(words[0]), .line = line};
  if (words.size() >= 3 && lowered(words[1]) == "as") stage.name = lowered(words[2]);
  return stage;
}

}  // namespace

Result<DockerfileFacts> parse_dockerfile(std::string_view text, std::string_view file_name) {
  const std::string name = printable(file_name);
  if (text.size() > kMaxBytes) {
    return Error(Errc::invalid, name + ": larger than " + human_bytes(kMaxBytes),
                 "a Dockerfile has some kilobytes; is this the right file?");
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  DockerfileFacts facts;
  InstructionReader reader(text);
  facts.syntax = reader.syntax();
  facts.syntax_line = reader.syntax_line();
  std::set<std::string> pinned;  // stages whose platform is their own
  bool is_pinned = false;
  while (const std::optional<Instruction> instruction = reader.next()) {
    if (instruction->has_heredoc && facts.heredoc_line == 0) facts.heredoc_line = instruction->line;
    const std::string_view line = trim(instruction->text);
    const std::size_t end = std::min(line.find_first_of(kBlank), line.size());
    const std::string keyword = lowered(line.substr(0, end));
    if (keyword == "run" && !is_pinned && facts.target_run_line == 0) {
      facts.target_run_line = instruction->line;
    }
    const std::vector<std::string_view> operands = words_of(line.substr(end), reader.escape());
    note(keyword, operands, facts);
    if (keyword != "from") continue;
    std::optional<Stage> stage = stage_of(operands, instruction->line);
    if (!stage) {
      return Error(Errc::invalid,
                   name + ":" + std::to_string(instruction->line) + ":1: FROM names no image",
                   "write the image to start from: FROM debian:12");
    }
    const std::string_view flag = operands.front();
    is_pinned = flag.starts_with("--platform=")
                    ? flag.find("TARGETPLATFORM") == std::string_view::npos
                    : pinned.contains(lowered(stage->base));
    if (is_pinned && !stage->name.empty()) pinned.insert(stage->name);
    facts.stages.push_back(*std::move(stage));
  }
  if (facts.stages.empty()) {
    return Error(Errc::invalid, name + ": has no FROM instruction",
                 "a Dockerfile starts from an image: FROM debian:12");
  }
  return facts;
}

namespace {

bool is_name_character(char c) { return is_letter_or_digit(c) || c == '_'; }

/// `$NAME` and `${NAME}` replaced; nullopt for what has no value, or needs more than that.
std::optional<std::string> expanded(std::string_view text,
                                    const std::map<std::string, std::string>& values) {
  std::string result;
  while (!text.empty()) {
    const std::size_t dollar = std::min(text.find('$'), text.size());
    result += text.substr(0, dollar);
    text.remove_prefix(dollar);
    if (text.empty()) break;
    const bool braced = text.starts_with("${");
    text.remove_prefix(braced ? 2 : 1);
    const auto end = std::ranges::find_if_not(text, is_name_character);
    const std::size_t length = static_cast<std::size_t>(end - text.begin());
    const auto value = values.find(std::string(text.substr(0, length)));
    if (value == values.end()) return std::nullopt;
    text.remove_prefix(length);
    if (braced && !text.starts_with('}')) return std::nullopt;
    if (braced) text.remove_prefix(1);
    result += value->second;
  }
  if (result.empty() || result.find_first_of("\"'\\$") != std::string::npos) return std::nullopt;
  return result;
}

}  // namespace

std::optional<std::vector<std::string>> images_read(
    const DockerfileFacts& facts,
    const std::vector<std::pair<std::string, std::string>>& build_args) {
  std::map<std::string, std::string> values = facts.defaults;
  for (const auto& [name, value] : build_args) values[name] = value;
  std::set<std::string> stages = {"scratch"};
  std::set<std::string> images;
  // An image that an earlier stage is named after is that stage.
  const auto add = [&](const std::string& from) {
    if (stages.contains(lowered(from))) return true;
    const auto image = expanded(from, values);
    if (image && !stages.contains(lowered(*image))) images.insert(*image);
    return image.has_value();
  };
  for (const Stage& stage : facts.stages) {
    if (!add(stage.base)) return std::nullopt;
    if (!stage.name.empty()) stages.insert(stage.name);
  }
  // COPY may name a stage by its number, too.
  for (std::size_t i = 0; i < facts.stages.size(); ++i) stages.insert(std::to_string(i));
  if (!std::ranges::all_of(facts.copied_from, add)) return std::nullopt;
  return std::vector<std::string>(images.begin(), images.end());
}

}  // namespace cooper::manifest
