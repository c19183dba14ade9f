#include "engine/choose.h"

#include "base/error.h"
#include "base/text.h"
#include "engine/buildah.h"
#include "engine/docker_api.h"
#include "engine/docker_http.h"
#include "engine/reachable.h"

#include <cstdlib>
#include <unistd.h>

namespace cooper::engine {

namespace {

constexpr std::string_view kUnix = "unix://";
constexpr std::string_view kTcp = "tcp://";

std::string variable(const char* name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets variables
  const char* value = std::getenv(name);
  return value ? value : "";
}

EngineChoice docker(std::string why) {
  return {.kind = EngineKind::docker,
          .address = docker_socket().string(),
          .certs = {},
          .why = std::move(why)};
}

EngineChoice buildkit(const EngineWish& wish, std::string why) {
  return {.kind = EngineKind::buildkit,
          .address = wish.buildkit,
          .certs = wish.buildkit_certs,
          .why = std::move(why)};
}

EngineChoice first_that_is_there(const EngineWish& wish) {
  if (!wish.buildkit.empty()) return buildkit(wish, "a BuildKit daemon is configured");
  try {
    EngineChoice choice = docker("a Docker Engine answers");
    DockerApi(choice.address).facts();
    return choice;
  } catch (const Error& error) {  // adapter: the answer to whether it is there
    return {.kind = EngineKind::buildah, .address = {}, .certs = {}, .why = error.message()};
  }
}

EngineReport report_buildah(const std::filesystem::path& cache) {
  EngineReport report{.kind = EngineKind::buildah};
  try {
    const BuildahHost host = find_buildah("buildah", cache);
    report.version = host.version;
    report.place = host.program + ", " + host.isolation.kind + " isolation";
  } catch (const Error& error) {  // adapter: that is what is shown
    report.missing = error.message();
  }
  return report;
}

EngineReport report_docker() {
  EngineReport report{.kind = EngineKind::docker};
  try {
    report.place = docker_socket().string();
    report.version = DockerApi(report.place).facts().version;
  } catch (const Error& error) {  // adapter: that is what is shown
    report.missing = error.message();
  }
  return report;
}

EngineReport report_buildkit(const EngineWish& wish) {
  EngineReport report{.kind = EngineKind::buildkit, .place = wish.buildkit};
  if (wish.buildkit.empty()) {
    report.missing = "none is configured (property buildkit)";
  } else if (wish.buildkit.starts_with(kUnix)) {
    try {
      connect_unix(wish.buildkit.substr(kUnix.size()));
    } catch (const Error& error) {  // adapter: that is what is shown
      report.missing = error.message();
    }
  } else if (!tcp_answers(wish.buildkit.substr(kTcp.size()))) {
    report.missing = "nothing answers at " + wish.buildkit;
  }
  return report;
}

}  // namespace

std::string_view to_string(EngineKind kind) noexcept {
  switch (kind) {
    case EngineKind::buildah:
      return "buildah";
    case EngineKind::docker:
      return "docker";
    case EngineKind::buildkit:
      return "buildkit";
  }
  return "";
}

bool is_engine_name(std::string_view text) noexcept {
  return text == "auto" || text == "buildah" || text == "docker" || text == "buildkit";
}

bool is_buildkit_address(std::string_view text) noexcept {
  if (text.starts_with(kUnix)) return text.size() > kUnix.size() && text[kUnix.size()] == '/';
  if (!text.starts_with(kTcp)) return false;
  const auto colon = text.rfind(':');
  const auto port = parse_number(text.substr(colon + 1));
  return colon > kTcp.size() && port && *port > 0 && *port < 65536;
}

std::filesystem::path docker_socket() {
  const std::string host = variable("DOCKER_HOST");
  if (host.starts_with(kUnix)) return host.substr(kUnix.size());
  if (!host.empty()) {
    throw Error(Errc::invalid,
                "DOCKER_HOST is " + shorten(printable(host), 100) +
                    ": only the unix socket of a Docker Engine is supported",
                "set DOCKER_HOST=unix:///path/to/docker.sock");
  }
  const std::filesystem::path system = "/var/run/docker.sock";
  const std::string runtime = variable("XDG_RUNTIME_DIR");
  if (::access(system.c_str(), F_OK) != 0 && !runtime.empty()) {
    const std::filesystem::path own = std::filesystem::path(runtime) / "docker.sock";
    if (::access(own.c_str(), F_OK) == 0) return own;
  }
  return system;
}

EngineChoice choose_engine(const EngineWish& wish) {
  const std::string named = "engine is " + wish.engine;
  if (wish.engine == "docker") return docker(named);
  if (wish.engine == "buildah")
    return {.kind = EngineKind::buildah, .address = {}, .certs = {}, .why = named};
  if (wish.engine != "buildkit") return first_that_is_there(wish);
  if (wish.buildkit.empty()) {
    throw Error(Errc::invalid, "engine is buildkit, but no BuildKit daemon is configured",
                "set its address: cooper builds set --global buildkit tcp://HOST:PORT");
  }
  return buildkit(wish, named);
}

std::vector<EngineReport> survey_engines(const EngineWish& wish,
                                         const std::filesystem::path& cache) {
  std::vector<EngineReport> reports = {report_buildkit(wish), report_docker(),
                                       report_buildah(cache)};
  const EngineChoice choice = choose_engine(wish);
  for (EngineReport& report : reports) {
    if (report.kind == choice.kind) report.chosen = choice.why;
  }
  return reports;
}

std::unique_ptr<ImageKeeper> keeper_of(std::string_view recorded_engine, BuildContext context) {
  if (recorded_engine.starts_with("docker ")) return std::make_unique<DockerApi>(docker_socket());
  if (recorded_engine.starts_with("buildkit")) return nullptr;
  return std::make_unique<BuildahEngine>(std::move(context));
}

}  // namespace cooper::engine
