#include "source/ignore.h"

#include "base/file.h"
#include "base/text.h"
#include "base/utf8.h"

#include <algorithm>
#include <string>
#include <utility>

namespace cooper::source {
namespace {

/// Takes the first code point off `text`. A byte that is no valid UTF-8 counts
/// as one code point of its own, above all real ones: names may hold any bytes.
char32_t take_code_point(std::string_view& text) {
  const std::size_t length = utf8_length(text);
  const char32_t c = length == 0 ? 0x110000U + static_cast<unsigned char>(text[0])
                                 : code_point(text.substr(0, length));
  text.remove_prefix(std::max<std::size_t>(length, 1));
  return c;
}

/// Go's filepath.Clean for `/`: no empty or `.` elements, `..` resolved.
std::string clean_path(std::string_view path) {
  const bool rooted = path.starts_with('/');
  std::vector<std::string_view> kept;
  for (const std::string_view part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (!kept.empty() && kept.back() != "..") {
        kept.pop_back();
        continue;
      }
      if (rooted) continue;
    }
    kept.push_back(part);
  }
  std::string result = rooted ? "/" : "";
  for (const std::string_view part : kept) {
    if (!result.empty() && result != "/") result += '/';
    result += part;
  }
  return result.empty() ? "." : result;
}

}  // namespace

/// Translates one pattern as moby's patternmatcher does, its odd cases
/// included; the syntax that it accepts is that of Go's filepath.Match.
class IgnorePatternParser {
 public:
  explicit IgnorePatternParser(std::string_view pattern) : whole_(pattern), rest_(pattern) {}

  Result<IgnorePattern> parse() {
    while (!rest_.empty()) {
      const char* problem = nullptr;
      if (rest_.starts_with("**")) {
        take_folders();
      } else if (rest_.starts_with('[')) {
        problem = take_class();
      } else {
        problem = take_plain();
      }
      if (problem) return Error(Errc::invalid, problem);
    }
    add(Kind::accept);
    result_.find_shape();
    return std::move(result_);
  }

 private:
  using Kind = IgnorePattern::Kind;

  void add(Kind kind, char32_t low = 0, char32_t high = 0) {
    result_.tokens_.push_back({kind, low, high});
  }

  void take_folders() {
    const bool at_start = rest_.size() == whole_.size();
    rest_.remove_prefix(2);
    const bool slash = rest_.starts_with('/');
    if (slash) rest_.remove_prefix(1);
    // `**x` with nothing special after it is a plain suffix to Docker, so that
    // `**x` matches `yx`; anywhere else a `**` ends at a `/`.
    const bool suffix =
        at_start && !slash && rest_.find_first_of("*?[]\\") == std::string_view::npos;
    if (rest_.empty() || suffix) {
      add(Kind::everything);
    } else {
      add(Kind::folders);
      add(Kind::folders_body);
    }
  }

  const char* take_plain() {
    if (rest_.front() == '*') {
      rest_.remove_prefix(1);
      add(Kind::segment);
    } else if (rest_.front() == '?') {
      rest_.remove_prefix(1);
      add(Kind::one);
    } else {
      if (rest_.front() == '\\') rest_.remove_prefix(1);
      if (rest_.empty()) return "a \\ at the end escapes nothing";
      add(Kind::literal, take_code_point(rest_));
    }
    return nullptr;
  }

  const char* take_class() {
    constexpr const char* kOpen = "a [ has no closing ]";
    rest_.remove_prefix(1);
    const bool negated = rest_.starts_with('^');
    if (negated) rest_.remove_prefix(1);
    const auto first = static_cast<char32_t>(result_.ranges_.size());
    // The first `]` closes: unlike in a shell, it can't be the first member.
    while (!rest_.starts_with(']')) {
      char32_t low = 0;
      if (const char* problem = take_member(low)) return problem;
      char32_t high = low;
      if (rest_.starts_with('-')) {
        rest_.remove_prefix(1);
        if (const char* problem = take_member(high)) return problem;
      }
      if (high < low) return "a range in [ ] is the wrong way round";
      result_.ranges_.push_back({low, high});
      if (rest_.empty()) return kOpen;
    }
    rest_.remove_prefix(1);
    const auto last = static_cast<char32_t>(result_.ranges_.size());
    if (first == last) return "[] is empty";
    add(negated ? Kind::negated_klass : Kind::klass, first, last);
    return nullptr;
  }

  const char* take_member(char32_t& c) {
    if (rest_.starts_with('\\')) {
      rest_.remove_prefix(1);
    } else if (rest_.starts_with('-') || rest_.starts_with(']')) {
      return "a - in [ ] needs a character on both sides, or \\- for itself";
    }
    if (rest_.empty()) return "a [ has no closing ]";
    c = take_code_point(rest_);
    return nullptr;
  }

  std::string_view whole_;
  std::string_view rest_;
  IgnorePattern result_;
};

/// The set of automaton states that are alive, one bit each.
class IgnorePattern::States {
 public:
  explicit States(const std::vector<Token>& tokens) : tokens_(tokens.data()) {
    if (tokens.size() > kInline) long_.resize((tokens.size() + 63) / 64);
  }

  /// Adds a state, and those that it reaches without a character.
  void add(std::size_t state) {
    for (;; ++state) {
      std::uint64_t& word = words()[state / 64];
      const std::uint64_t bit = std::uint64_t{1} << (state % 64);
      if ((word & bit) != 0) return;
      word |= bit;
      const Kind kind = tokens_[state].kind;
      if (kind == Kind::folders) {
        add(state + 2);
      } else if (kind != Kind::segment && kind != Kind::everything) {
        return;
      }
    }
  }

  bool has(std::size_t state) const { return ((words()[state / 64] >> (state % 64)) & 1U) != 0; }
  bool empty() const {
    return std::all_of(words(), words() + count(), [](std::uint64_t word) { return word == 0; });
  }
  void clear() { std::fill(words(), words() + count(), 0); }

  template <class Visit>
  void for_each(Visit visit) const {
    for (std::size_t i = 0; i < count(); ++i) {
      for (std::uint64_t word = words()[i]; word != 0; word &= word - 1) {
        visit(i * 64 + static_cast<std::size_t>(__builtin_ctzll(word)));
      }
    }
  }

 private:
  static constexpr std::size_t kInline = 64;  // states of all but freak patterns
  std::size_t count() const { return long_.empty() ? 1 : long_.size(); }
  std::uint64_t* words() { return long_.empty() ? &short_ : long_.data(); }
  const std::uint64_t* words() const { return long_.empty() ? &short_ : long_.data(); }

  const Token* tokens_;  // of the pattern, which outlives the match
  std::uint64_t short_ = 0;
  std::vector<std::uint64_t> long_;
};

Result<IgnorePattern> IgnorePattern::compile(std::string_view cleaned) {
  return IgnorePatternParser(cleaned).parse();
}

bool IgnorePattern::accepts(const Token& token, char32_t c) const {
  switch (token.kind) {
    case Kind::literal:
      return c == token.low;
    case Kind::one:
    case Kind::segment:
      return c != U'/';
    case Kind::everything:
    case Kind::folders_body:
      return true;
    case Kind::klass:
    case Kind::negated_klass: {
      const bool member = std::any_of(ranges_.begin() + static_cast<std::ptrdiff_t>(token.low),
                                      ranges_.begin() + static_cast<std::ptrdiff_t>(token.high),
                                      [c](Range r) { return r.low <= c && c <= r.high; });
      return member == (token.kind == Kind::klass);
    }
    case Kind::folders:
    case Kind::accept:
      return false;
  }
  return false;
}

void IgnorePattern::find_shape() {
  auto token = tokens_.begin();
  if (tokens_.size() < 3 || token->kind != Kind::folders) return;
  token += 2;
  const bool end = token->kind == Kind::segment;
  if (end) ++token;
  std::string text;
  for (; token->kind == Kind::literal; ++token) {
    // Beyond ASCII, a text's bytes may also be the end of a longer character.
    if (token->low >= 0x80 || token->low == U'/') return;
    text += static_cast<char>(token->low);
  }
  if (token->kind != Kind::accept || text.empty()) return;
  shape_ = end ? Shape::end_of_name : Shape::name;
  text_ = std::move(text);
}

IgnorePattern::Match IgnorePattern::match_names(std::string_view path) const {
  while (!path.empty()) {
    const std::string_view name = path.substr(0, path.find('/'));
    if (shape_ == Shape::name ? name == text_ : name.ends_with(text_)) return Match::full;
    path.remove_prefix(std::min(name.size() + 1, path.size()));
  }
  return Match::maybe_beneath;
}

IgnorePattern::Match IgnorePattern::match(std::string_view path) const {
  if (shape_ != Shape::any) return match_names(path);
  const std::size_t accept = tokens_.size() - 1;
  States now(tokens_);
  States next(tokens_);
  now.add(0);
  const auto step = [&](char32_t c) {
    next.clear();
    now.for_each([&](std::size_t state) {
      const Token& token = tokens_[state];
      if (!accepts(token, c)) return;
      const bool stays = token.kind == Kind::segment || token.kind == Kind::everything ||
                         token.kind == Kind::folders_body;
      if (stays) next.add(state);
      if (!stays || (token.kind == Kind::folders_body && c == U'/')) next.add(state + 1);
    });
    std::swap(now, next);
  };
  while (!path.empty()) {
    // A folder that the path is in matches: so does the path.
    if (path.front() == '/' && now.has(accept)) return Match::full;
    step(take_code_point(path));
    if (now.empty()) return Match::none;
  }
  if (now.has(accept)) return Match::full;
  step(U'/');
  return now.empty() ? Match::none : Match::maybe_beneath;
}

std::optional<Error> IgnoreRules::add(std::string_view pattern) {
  const std::string_view written = pattern;
  const auto wrong = [&](const std::string& why) {
    return Error(Errc::invalid, "bad pattern \"" + printable(written) + "\": " + why);
  };
  const bool brings_back = pattern.starts_with('!');
  if (brings_back) pattern = trim(pattern.substr(1));
  if (pattern.empty()) return wrong("a ! needs a pattern after it");
  std::string cleaned = clean_path(pattern);
  if (cleaned.size() > 1 && cleaned.front() == '/') cleaned.erase(0, 1);
  Result<IgnorePattern> compiled = IgnorePattern::compile(cleaned);
  if (!compiled) return wrong(compiled.error().message());
  rules_.push_back({std::move(compiled).value(), brings_back});
  any_brings_back_ |= brings_back;
  return std::nullopt;
}

Result<IgnoreRules> IgnoreRules::parse(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  IgnoreRules result;
  std::size_t number = 0;
  for (const std::string_view line : split(text, '\n')) {
    ++number;
    if (line.starts_with('#')) continue;  // before trimming: ` #x` is a pattern
    const std::string_view pattern = trim(line);
    if (pattern.empty()) continue;
    if (std::optional<Error> wrong = result.add(pattern)) {
      return Error(Errc::invalid, "line " + std::to_string(number) + ": " + wrong->message());
    }
  }
  return result;
}

Result<IgnoreRules> IgnoreRules::from_patterns(std::span<const std::string> patterns) {
  IgnoreRules result;
  for (const std::string& pattern : patterns) {
    const std::string_view trimmed = trim(pattern);
    if (trimmed.empty()) continue;
    if (std::optional<Error> wrong = result.add(trimmed)) return *std::move(wrong);
  }
  return result;
}

bool IgnoreRules::excludes(std::string_view relative_path) const {
  bool excluded = false;
  for (const Rule& rule : rules_) {
    if (rule.brings_back != excluded) continue;  // it could change nothing
    if (rule.pattern.match(relative_path) == IgnorePattern::Match::full) excluded = !excluded;
  }
  return excluded;
}

bool IgnoreRules::may_include_beneath(std::string_view folder) const {
  if (!any_brings_back_) return false;
  return std::ranges::any_of(rules_, [&](const Rule& rule) {
    return rule.brings_back && rule.pattern.match(folder) != IgnorePattern::Match::none;
  });
}

bool IgnoreRules::may_exclude_beneath(std::string_view folder) const {
  return std::ranges::any_of(rules_, [&](const Rule& rule) {
    return !rule.brings_back && rule.pattern.match(folder) != IgnorePattern::Match::none;
  });
}

Result<IgnoreRules> read_ignore_rules(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / ".dockerignore";
  const auto text = read_file(path);
  if (!text) return IgnoreRules();
  Result<IgnoreRules> rules = IgnoreRules::parse(*text);
  if (!rules) return Error(Errc::invalid, ".dockerignore " + rules.error().message());
  return rules;
}

}  // namespace cooper::source
