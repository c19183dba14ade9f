#include "rack/app_repository.h"

#include "base/error.h"
#include "base/text.h"
#include "process/proc.h"
#include "rack/properties.h"
#include "rack/rack.h"
#include "source/git_repository.h"
#include "store/folders.h"
#include "store/own_root.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <unistd.h>

namespace cooper::rack {
namespace fs = std::filesystem;

namespace {

/// The data root and the app are told by where the repository lies, so neither a move of the root
/// nor another name of the app needs a new hook.
std::string hook_script(const std::string& name, const fs::path& program) {
  return "#!/bin/sh\n"
         "# Written by cooper git:initialize; do not edit. Builds what is pushed.\n"
         "cooper=" +
         shell_quoted(program.string()) +
         "\n"
         "if [ ! -x \"$cooper\" ]; then\n"
         "  echo \"ERROR: cooper is not at $cooper any more\" >&2\n"
         "  echo \"  hint: on the host, run: cooper git:initialize APP\" >&2\n"
         "  exit 1\n"
         "fi\n"
         "COOPER_ROOT=$(cd ../../.. && pwd -P) || exit 1\n"
         "export COOPER_ROOT\n"
         "exec \"$cooper\" git-hook " +
         name + "\n";
}

/// Is it an absolute name of the very program that runs?
bool is_this(const fs::path& program) {
  std::error_code failed;
  return program.is_absolute() && fs::equivalent(program, "/proc/self/exe", failed) && !failed;
}

}  // namespace

const std::array<std::string, 2>& usual_deploy_refs() {
  static const std::array<std::string, 2> refs = {"refs/heads/main", "refs/heads/master"};
  return refs;
}

std::optional<std::string> present_deploy_ref(
    const std::string& property, const std::function<bool(const std::string& ref)>& exists) {
  if (!property.empty()) return "refs/heads/" + property;
  const auto found = std::ranges::find_if(usual_deploy_refs(), exists);
  if (found == usual_deploy_refs().end()) return std::nullopt;
  return *found;
}

fs::path own_root() { return fs::absolute(store::default_layout().root()); }

std::optional<fs::path> find_repository(const AppName& app) {
  fs::path repository = store::default_layout().git(app);
  if (!fs::exists(repository)) return std::nullopt;
  return repository;
}

fs::path repository_for(Rack& rack, const AppName& app, GitUse use) {
  const bool may_make =
      use == GitUse::push && effective_property(rack, nullptr, "auto-create") == "on";
  if (!may_make && !rack.find_app(app)) rack.get_app(app);  // throws, in its words
  if (const auto repository = find_repository(app); repository && rack.find_app(app)) {
    return *repository;
  }
  if (use == GitUse::push) return rack.initialize_git(app);
  throw Error(Errc::not_found, "nothing was ever pushed to app " + app.str());
}

fs::path lasting_program() {
  const fs::path own = fs::read_symlink("/proc/self/exe");
  if (own.parent_path().filename() == "cooper") {  // libexec/cooper
    return own.parent_path().parent_path().parent_path() / "bin" / "cooper";
  }
  std::string called = process::read_of_process(::getpid(), "cmdline");
  called.resize(std::min(called.find('\0'), called.size()));
  if (called.find('/') != std::string::npos) {
    const fs::path program = fs::absolute(called).lexically_normal();
    if (is_this(program)) return program;
  } else if (const char* path = std::getenv("PATH")) {
    for (const std::string_view folder : split(path, ':')) {
      const fs::path program = fs::path(folder) / called;
      if (is_this(program)) return program;
    }
  }
  return own;
}

std::string shell_quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

fs::path ensure_repository(const store::Layout& layout, const AppName& app) {
  if (layout.is_dokkus()) {
    throw Error(Errc::invalid, "this is a data root of Dokku's, which takes pushes itself",
                "see: dokku git:help");
  }
  store::require_own_root(layout, "run git in repositories");  // which name programs to run
  store::make_folder(layout, layout.git(), 0700);
  const fs::path program = lasting_program();
  fs::path repository = layout.git(app);
  source::make_repository(repository, {{"pre-receive", hook_script("pre-receive", program)},
                                       {"post-receive", hook_script("post-receive", program)}});
  return repository;
}

}  // namespace cooper::rack
