#include "cli/context.h"

#include "base/text.h"

#include <algorithm>
#include <cctype>
#include <system_error>

namespace cooper::cli {

namespace {

/// `My App` -> `my-app`; empty if nothing is left of it.
std::string proposed_name(std::string_view folder_name) {
  std::string name;
  for (const char c : folder_name) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0) {
      name += static_cast<char>(std::tolower(byte));
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  name.resize(std::min<std::size_t>(name.size(), 63));
  while (!name.empty() && name.back() == '-') name.pop_back();
  return name;
}

void print_hint(const Context& context, std::string_view hint) {
  if (!hint.empty()) context.err.write("  hint: " + printable(hint) + "\n");
}

}  // namespace

Error no_working_folder() {
  return {Errc::not_found, "the working folder has been removed", "go to another one: cd"};
}

AppName resolve_app(const Context& context, const Options& options,
                    const std::filesystem::path& folder) {
  if (options.app) return AppName::parse(*options.app).value();
  if (const std::string name = context.variable("COOPER_APP"); !name.empty()) {
    const Result<AppName> parsed = AppName::parse(name);
    if (!parsed) throw Error(parsed.error()).while_doing("COOPER_APP");
    return *parsed;
  }
  std::error_code failure;
  const auto full = std::filesystem::canonical(folder, failure);
  if (failure == std::errc::no_such_file_or_directory && folder == ".") throw no_working_folder();
  if (failure) throw_errno(failure.value(), "open " + folder.string());
  const std::string name = full.filename().string();
  const Result<AppName> parsed = AppName::parse(name);
  if (parsed) return *parsed;
  const std::string proposal = proposed_name(name);
  throw Error(Errc::invalid,
              "which app? The folder's name, \"" + shorten(name, 60) + "\", can't be an app's name",
              "name the app: -a " + (proposal.empty() ? "APP" : proposal));
}

AppName resolve_app(const Context& context, const Options& options) {
  return resolve_app(context, options, context.folder);
}

void print_warning(const Context& context, std::string_view text) {
  context.err.write(styled("WARNING:", Style::warned, context.err.colours()) + " " +
                    printable(text) + "\n");
}

void print_error(const Context& context, std::string_view message, std::string_view hint) {
  context.err.write(styled("ERROR:", Style::bad, context.err.colours()) + " " + printable(message) +
                    "\n");
  print_hint(context, hint);
}

}  // namespace cooper::cli
