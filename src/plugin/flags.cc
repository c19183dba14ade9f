#include "plugin/flags.h"

#include <algorithm>
#include <array>
#include <optional>

namespace cooper::plugin {

namespace {

Error bad(std::string message) { return {Errc::invalid, std::move(message)}; }

/// What Go's strconv.ParseBool takes.
std::optional<bool> parse_bool(std::string_view text) {
  constexpr std::array<std::string_view, 6> kTrue = {"1", "t", "T", "TRUE", "true", "True"};
  constexpr std::array<std::string_view, 6> kFalse = {"0", "f", "F", "FALSE", "false", "False"};
  if (std::ranges::find(kTrue, text) != kTrue.end()) return true;
  if (std::ranges::find(kFalse, text) != kFalse.end()) return false;
  return std::nullopt;
}

/// Takes flags off a command line, one word after the other.
class Parser {
 public:
  Parser(std::span<const FlagSpec> specs, std::span<const std::string> words)
      : specs_(specs), words_(words) {}

  Result<Parsed> run() {
    while (at_ < words_.size() && !parsed_.help) {
      const std::string& word = words_[at_++];
      if (word.size() < 2 || word[0] != '-') {
        parsed_.words.push_back(word);
      } else if (word == "--") {
        for (; at_ < words_.size(); ++at_) parsed_.words.push_back(words_[at_]);
      } else if (word[1] != '-') {
        if (word[1] != 'h') {
          return bad(std::string("unknown shorthand flag: '") + word[1] + "' in " + word);
        }
        parsed_.help = true;
      } else if (auto problem = take_long(word)) {
        return *problem;
      }
    }
    return std::move(parsed_);
  }

 private:
  std::optional<Error> take_long(const std::string& word) {
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
    if (name.empty() || name[0] == '-') return bad("bad flag syntax: " + word);
    const auto spec = std::ranges::find(specs_, name, &FlagSpec::name);
    if (spec == specs_.end()) {
      if (name != "help") return bad("unknown flag: --" + name);
      parsed_.help = true;
      return std::nullopt;
    }
    std::string value;
    if (equals != std::string::npos) {
      value = word.substr(equals + 1);
    } else if (spec->value.empty()) {
      value = "true";
    } else if (at_ < words_.size()) {
      value = words_[at_++];
    } else {
      return bad("flag needs an argument: " + word);
    }
    if (spec->value.empty()) {
      const auto truth = parse_bool(value);
      if (!truth) {
        return bad("invalid argument \"" + value + "\" for \"--" + name +
                   "\" flag: strconv.ParseBool: parsing \"" + value + "\": invalid syntax");
      }
      value = *truth ? "true" : "false";
    }
    parsed_.flags[name] = value;
    return std::nullopt;
  }

  std::span<const FlagSpec> specs_;
  std::span<const std::string> words_;
  std::size_t at_ = 0;
  Parsed parsed_;
};

}  // namespace

std::string Parsed::flag(std::string_view name) const {
  const auto found = flags.find(name);
  return found == flags.end() ? std::string() : found->second;
}

std::string Parsed::word(std::size_t index) const {
  return index < words.size() ? words[index] : std::string();
}

Result<Parsed> parse_flags(std::span<const FlagSpec> specs, std::span<const std::string> words) {
  return Parser(specs, words).run();
}

std::string usage_text(std::string_view command, std::span<const FlagSpec> specs) {
  const auto name_of = [](const FlagSpec& spec) {
    std::string name = "      --" + std::string(spec.name);
    return spec.value.empty() ? name : name + " " + std::string(spec.value);
  };
  std::size_t width = 0;
  for (const FlagSpec& spec : specs) width = std::max(width, name_of(spec).size());
  std::string text = "Usage of " + std::string(command) + ":\n";
  for (const FlagSpec& spec : specs) {
    const std::string name = name_of(spec);
    text += name + std::string(width - name.size() + 3, ' ') + std::string(spec.usage) + "\n";
  }
  return text;
}

}  // namespace cooper::plugin
