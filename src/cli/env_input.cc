#include "cli/env_input.h"

#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"

#include <optional>
#include <unistd.h>
#include <utility>

namespace cooper::cli {

namespace {

Result<std::string> text_of(const std::string& file, bool& stdin_is_used) {
  try {
    if (file == "-") {
      if (std::exchange(stdin_is_used, true)) {
        return Error(Errc::invalid, "stdin can be read for one thing only");
      }
      return read_open_file(Fd(::dup(STDIN_FILENO)), "stdin", kMaxEnvironmentBytes);
    }
    std::optional<std::string> text = read_file(file, kMaxEnvironmentBytes);
    if (!text) return Error(Errc::not_found, "there is no file " + printable(file));
    return *std::move(text);
  } catch (const Error& error) {  // adapter: a bad word of a command line
    return error;
  }
}

}  // namespace

Result<Environment> read_variables(std::span<const std::string> words, const Options& options) {
  Environment variables;
  bool stdin_is_used = false;
  if (options.env_file) {
    const Result<std::string> text = text_of(*options.env_file, stdin_is_used);
    if (!text) return text.error();
    const std::string what = *options.env_file == "-" ? "stdin" : printable(*options.env_file);
    Result<Environment> parsed = parse_environment(*text, what);
    if (!parsed) return parsed.error();
    variables = std::move(*parsed);
  }
  for (const std::string& word : options.value_files) {
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    if (equals == std::string::npos || !is_variable_name(name)) {
      return Error(Errc::invalid, "a value of --value-file is not NAME=FILE",
                   "for example --value-file TLS_KEY=key.pem");
    }
    Result<std::string> text = text_of(word.substr(equals + 1), stdin_is_used);
    if (!text) return text.error();
    if (text->ends_with('\n')) text->pop_back();
    if (auto wrong = wrong_variable(name, *text)) return *std::move(wrong);
    variables[name] = *std::move(text);
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    auto variable = parse_variable(words[i], "variable " + std::to_string(i + 1));
    if (!variable) return variable.error();
    variables[variable->first] = std::move(variable->second);
  }
  if (variables.empty()) {
    return Error(Errc::invalid, "no variable is given",
                 "NAME=VALUE, --value-file NAME=FILE or --env-file FILE");
  }
  return variables;
}

}  // namespace cooper::cli
