#include "cli/build_args.h"

namespace cooper::cli {

Result<std::vector<std::pair<std::string, std::string>>> build_args_of(const Options& options) {
  std::vector<std::pair<std::string, std::string>> arguments;
  for (const std::string& argument : options.build_args) {
    const std::size_t equals = argument.find('=');
    if (equals == 0 || equals == std::string::npos) {
      // The text may be a secret whose name was forgotten: it is not repeated.
      return Error(Errc::invalid, "a value of --build-args is not NAME=VALUE",
                   "for example --build-args VERSION=x.y");
    }
    arguments.emplace_back(argument.substr(0, equals), argument.substr(equals + 1));
  }
  return arguments;
}

}  // namespace cooper::cli
