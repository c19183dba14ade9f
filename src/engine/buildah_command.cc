// BuildahEngine: the command line of one build, and the files that it names.

#include "base/file.h"
#include "engine/build_input.h"
#include "engine/buildah.h"
#include "engine/buildah_variables.h"

#include <algorithm>
#include <map>
#include <utility>

namespace cooper::engine {

namespace {

/// Some of buildah's options take lists, written as a line of CSV: quoted, a comma
/// in the text can't name a second file.
std::string list_element(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + "\"";
}

/// Relative to the build's folder, where buildah runs: its option knows no quotes, and
/// the folder's path may hold a comma.
std::filesystem::path secret_file(std::size_t number) { return "secret-" + std::to_string(number); }

}  // namespace

/// Buildah stores a build's settings with each working container, in every kind
/// of isolation. An unused secret is the one setting that carries a name and
/// changes neither the build nor its cache keys.
std::string BuildahEngine::marker() const {
  return "id=cooper-build-" + context_.build.str() + ",src=/dev/null";
}

/// Buildah takes them from files, and writes them into some of its own.
void BuildahEngine::write_secrets() const {
  for (std::size_t i = 0; i < context_.secrets.secrets.size(); ++i) {
    write_scratch(context_.work / secret_file(i), context_.secrets.secrets[i].value);
  }
}

/// Labels are the last instruction, in a file that buildah appends: with --label it
/// commits an image for each, and leaves them out of one that it finds in its cache.
/// They would end up in the last stage, so another one that is wanted is made it.
std::vector<std::string> BuildahEngine::instruction_files(const ImageRequest& request,
                                                          unsigned number) const {
  if (request.labels.empty()) return {request.dockerfile.string()};
  const std::string name = (context_.work / ("image-" + std::to_string(number))).string();
  std::vector<std::string> files = {request.dockerfile.string(), name + ".labels"};
  if (request.target_end != 0) {
    const std::string text = read_file(request.dockerfile).value_or("");
    std::size_t end = 0;
    for (int line = 0; line < request.target_end && end < text.size(); ++line) {
      end = std::min(text.find('\n', end), text.size() - 1) + 1;
    }
    files[0] = name + ".Dockerfile";
    write_scratch(files[0], text.substr(0, end));
  }
  std::string line = "LABEL";
  for (const auto& [key, value] : request.labels) line += " \"" + key + "\"=\"" + value + "\"";
  write_scratch(files[1], line + "\n");
  return files;
}

std::vector<std::string> BuildahEngine::build_command(const ImageRequest& request,
                                                      const std::filesystem::path& id_file,
                                                      unsigned number,
                                                      std::vector<std::string>& environment) const {
  // docker: the format that knows HEALTHCHECK and SHELL. pull=false: only what
  // is not there already, as docker does. force-rm: without it each failing
  // build leaves a working container.
  std::vector<std::string> argv = {host_.program, "build",       "--layers",           "--force-rm",
                                   "--format",    "docker",      "--pull=false",       "--network",
                                   "host",        "--isolation", host_.isolation.kind, "--secret",
                                   marker(),      "--iidfile",   id_file.string()};
  const auto add = [&](auto... words) { (argv.emplace_back(words), ...); };
  for (std::size_t i = 0; i < context_.secrets.secrets.size(); ++i) {
    add("--secret", "id=" + context_.secrets.secrets[i].id + ",src=" + secret_file(i).string());
  }
  for (const SshAgent& agent : context_.secrets.agents) {
    add("--ssh", agent.id + "=" + agent.socket.string());
  }
  for (const std::string& file : instruction_files(request, number)) {
    add("--file", list_element(file));
  }
  // Buildah knows only the context's; the Dockerfile's own counts before it, as with Docker.
  const std::string own_rules = request.dockerfile.string() + ".dockerignore";
  if (std::filesystem::is_regular_file(own_rules)) add("--ignorefile", own_rules);
  if (!host_.isolation.runtime.empty()) {
    add("--runtime", host_.isolation.runtime);
    // The runtime's notes of a RUN that could not end by itself go with this folder.
    add("--runtime-flag", list_element("root=" + (context_.work / "runtime").string()));
  }
  if (host_.isolation.kind == "oci") {
    // A group for each image: the runtime removes the group after each RUN, and
    // waits in vain if another image's RUN is in it.
    if (!context_.cgroup_parent.empty()) {
      add("--cgroup-parent", context_.cgroup_parent + "/" + std::to_string(number));
    }
    const auto& [memory, cpus] = context_.run_limits;
    if (memory != 0) add("--memory", std::to_string(memory));
    if (cpus != 0) {
      add("--cpu-period", "100000", "--cpu-quota", std::to_string(process::cpu_quota(cpus)));
    }
  }
  if (!request.target.empty()) add("--target", request.target);
  if (!request.platform.empty()) add("--platform", request.platform);
  if (request.no_cache) add("--no-cache");
  // The others are given later, see lock_names.
  if (!request.tags.empty()) add("--tag", request.tags.front());
  std::map<std::string, std::string> args;  // a later value replaces an earlier one
  for (const auto& [name, value] : request.build_args) args[name] = value;
  for (const auto& [name, value] : args) {
    // Everybody can read a command line; values may be secret.
    if (steers_buildah(name)) {
      add("--build-arg", name + "=" + value);
      continue;
    }
    add("--build-arg", name);
    const std::string prefix = name + "=";
    std::erase_if(environment, [&](const std::string& entry) { return entry.starts_with(prefix); });
    environment.push_back(prefix + value);
  }
  add(request.context.string());
  return argv;
}

}  // namespace cooper::engine
