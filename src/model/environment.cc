#include "model/environment.h"

#include "base/ascii.h"
#include "base/text.h"

#include <algorithm>

namespace cooper {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

constexpr const char* kNameHint =
    "a name has letters, digits and _, and does not begin with a digit";

/// Reads a file of variables, character by character.
class FileParser {
 public:
  FileParser(std::string_view text, const std::string& what) : rest_(text), what_(what) {}

  Result<Environment> run() {
    Environment environment;
    for (; !rest_.empty(); ++line_) {
      skip_blanks();
      if (rest_.empty()) break;
      if (rest_[0] == '\n' || rest_[0] == '#') {
        take_line();
        continue;
      }
      const int line = line_;
      Result<std::pair<std::string, std::string>> variable = parse_one();
      if (!variable) return variable.error();
      if (const auto wrong = wrong_variable(variable->first, variable->second)) {
        return at(line, wrong->message(), wrong->hint());
      }
      environment[variable->first] = std::move(variable->second);
    }
    return environment;
  }

 private:
  Error at(int line, const std::string& message, const std::string& hint = {}) const {
    return {Errc::invalid, what_ + ", line " + std::to_string(line) + ": " + message, hint};
  }

  Result<std::pair<std::string, std::string>> parse_one() {
    constexpr std::string_view kExport = "export";
    if (rest_.starts_with(kExport) && rest_.size() > kExport.size() &&
        is_blank(rest_[kExport.size()])) {
      rest_.remove_prefix(kExport.size());
      skip_blanks();
    }
    const std::size_t end = rest_.find_first_of("=\n");
    if (end == std::string_view::npos || rest_[end] != '=') {
      return at(line_, "is not NAME=VALUE");
    }
    std::string name(rest_.substr(0, end));
    if (!is_variable_name(name))
      return at(line_, "no name before the = that a variable can have", kNameHint);
    rest_.remove_prefix(end + 1);
    const bool quoted = !rest_.empty() && (rest_[0] == '"' || rest_[0] == '\'');
    if (!quoted) return std::pair(std::move(name), plain_value());
    Result<std::string> value = quoted_value(name);
    if (!value) return value.error();
    return std::pair(std::move(name), std::move(*value));
  }

  std::string plain_value() {
    std::string_view value = take_line();
    if (value.ends_with('\r')) value.remove_suffix(1);
    return std::string(value);
  }

  Result<std::string> quoted_value(const std::string& name) {
    const int begin = line_;
    const char quote = rest_[0];
    // How a shell's words have a quote within quotes: it ends them, stands escaped, and begins
    // them anew.
    constexpr std::string_view kQuoteWithin = "'\\''";
    std::string value;
    for (rest_.remove_prefix(1); !rest_.empty(); rest_.remove_prefix(1)) {
      if (rest_[0] == quote) {
        if (quote != '\'' || !rest_.starts_with(kQuoteWithin)) break;
        rest_.remove_prefix(kQuoteWithin.size() - 1);
      }
      if (rest_[0] == '\n') ++line_;
      if (quote == '"' && rest_[0] == '\\' && rest_.size() > 1 && unescape(value)) continue;
      value += rest_[0];
    }
    if (rest_.empty()) return at(begin, "the quote of " + name + " is not closed");
    rest_.remove_prefix(1);
    skip_blanks();
    if (!rest_.empty() && rest_[0] != '\n' && rest_[0] != '#') {
      return at(line_, "text behind the closing quote of " + name);
    }
    take_line();
    return value;
  }

  /// At a backslash: adds what it and the next character mean; false if nothing special.
  bool unescape(std::string& value) {
    constexpr std::string_view kLetters = "nrt\"\\$`";
    constexpr std::string_view kMeanings = "\n\r\t\"\\$`";
    const std::size_t at = kLetters.find(rest_[1]);
    if (at == std::string_view::npos) return false;
    value += kMeanings[at];
    rest_.remove_prefix(1);
    return true;
  }

  void skip_blanks() {
    while (!rest_.empty() && is_blank(rest_[0])) rest_.remove_prefix(1);
  }

  std::string_view take_line() {
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return line;
  }

  std::string_view rest_;
  const std::string& what_;
  int line_ = 1;
};

std::string in_single_quotes(std::string_view value) {
  std::string quoted = "'";
  for (const char c : value) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string in_double_quotes(std::string_view value) {
  std::string quoted = "\"";
  for (const char c : value) {
    if (std::string_view("\"\\$`").find(c) != std::string_view::npos) quoted += '\\';
    if (c == '\n' || c == '\r') {
      quoted += c == '\n' ? "\\n" : "\\r";
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

/// A value that the rest of its line gives as it is.
bool is_plain(std::string_view value) {
  return value.find_first_of("\n\r") == std::string_view::npos && !value.starts_with('"') &&
         !value.starts_with('\'');
}

}  // namespace

bool is_variable_name(std::string_view name) noexcept {
  return !name.empty() && !is_digit(name[0]) && is_made_of_letters(name, "_");
}

std::optional<Error> wrong_variable(std::string_view name, std::string_view value) {
  if (!is_variable_name(name)) return Error(Errc::invalid, "invalid name", kNameHint);
  const std::string shown = shorten(name, 60);
  if (name.size() + value.size() > kMaxVariableBytes) {
    return Error(Errc::invalid, "the value of " + shown + " is too long: no program could get it",
                 "at most " + human_bytes(kMaxVariableBytes) + "; keep it in a file");
  }
  if (value.find('\0') != std::string_view::npos) {
    return Error(Errc::invalid, "the value of " + shown + " holds a NUL byte", "encode it: base64");
  }
  if (valid_utf8(value) != value) {
    return Error(Errc::invalid, "the value of " + shown + " is no UTF-8", "encode it: base64");
  }
  return std::nullopt;
}

Result<std::pair<std::string, std::string>> parse_variable(std::string_view text,
                                                           const std::string& what) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    return Error(Errc::invalid, what + " is not NAME=VALUE", "for example LOG_LEVEL=info");
  }
  const std::string_view name = text.substr(0, equals);
  const std::string_view value = text.substr(equals + 1);
  if (!is_variable_name(name)) {
    return Error(Errc::invalid, what + " has no name before the = that a variable can have",
                 kNameHint);
  }
  if (auto wrong = wrong_variable(name, value)) return *std::move(wrong);
  return std::pair(std::string(name), std::string(value));
}

Result<Environment> parse_environment(std::string_view text, const std::string& what) {
  return FileParser(text, what).run();
}

std::string to_text(const Environment& environment, EnvironmentForm form) {
  std::string text;
  const bool one_line = form == EnvironmentForm::shell || form == EnvironmentForm::docker_args;
  for (const auto& [name, value] : environment) {
    if (one_line && !text.empty()) text += ' ';
    switch (form) {
      case EnvironmentForm::lines:
        text += name + "=" + (is_plain(value) ? value : in_double_quotes(value)) + "\n";
        break;
      case EnvironmentForm::exports:
        text += "export " + name + "=" + in_single_quotes(value) + "\n";
        break;
      case EnvironmentForm::shell:
        text += name + "=" + in_single_quotes(value);
        break;
      case EnvironmentForm::docker_args:
        text += "--env=" + name + "=" + in_single_quotes(value);
        break;
      case EnvironmentForm::docker_env_file:
        if (value.find('\n') == std::string::npos) text += name + "=" + value + "\n";
        break;
    }
  }
  return one_line && !text.empty() ? text + "\n" : text;
}

}  // namespace cooper
