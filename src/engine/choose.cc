#include "engine/choose.h"

#include "base/error.h"
#include "base/text.h"
#include "engine/buildah.h"
#include "engine/daemons.h"
#include "engine/docker_api.h"
#include "engine/docker_http.h"

#include <algorithm>
#include <cstdlib>
#include <unistd.h>

namespace cooper::engine {

namespace {

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
  std::vector<std::string> daemons = in_order_for(wish.app, wish.buildkit);
  EngineChoice choice{.kind = EngineKind::buildkit,
                      .address = std::move(daemons.front()),
                      .certs = wish.buildkit_certs,
                      .why = std::move(why)};
  daemons.erase(daemons.begin());
  choice.others = std::move(daemons);
  return choice;
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

std::vector<EngineReport> report_buildkit(const EngineWish& wish) {
  const auto report = [](const std::string& place, std::string missing) {
    EngineReport found{.kind = EngineKind::buildkit};
    found.place = place;
    found.missing = std::move(missing);
    return found;
  };
  if (wish.buildkit.empty()) return {report("", "none is configured (property buildkit)")};
  std::vector<EngineReport> reports;
  for (const std::string& daemon : wish.buildkit) {
    reports.push_back(report(daemon, why_unreachable(daemon)));
  }
  return reports;
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

std::filesystem::path docker_socket() {
  const std::string host = variable("DOCKER_HOST");
  if (host.starts_with(kUnixScheme)) return host.substr(kUnixScheme.size());
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

bool may_run_on_this_host(const EngineChoice& choice) noexcept {
  return choice.kind != EngineKind::buildkit || choice.address.starts_with(kUnixScheme);
}

std::vector<EngineReport> survey_engines(const EngineWish& wish,
                                         const std::filesystem::path& cache) {
  std::vector<EngineReport> reports = report_buildkit(wish);
  reports.push_back(report_docker());
  reports.push_back(report_buildah(cache));
  EngineChoice choice = choose_engine(wish);
  const auto find = [&](const std::string& daemon) {
    return std::ranges::find_if(reports, [&](const EngineReport& report) {
      return report.kind == choice.kind &&
             (choice.kind != EngineKind::buildkit || report.place == daemon);
    });
  };
  auto chosen = find(choice.address);
  for (const std::string& daemon : choice.others) {
    if (chosen->missing.empty()) break;
    if (const auto other = find(daemon); other->missing.empty()) chosen = other;
  }
  chosen->chosen = choice.why;
  return reports;
}

std::unique_ptr<ImageKeeper> keeper_of(std::string_view recorded_engine, BuildContext context) {
  if (recorded_engine.starts_with("docker ")) return std::make_unique<DockerApi>(docker_socket());
  if (recorded_engine.starts_with("buildkit")) return nullptr;
  return std::make_unique<BuildahEngine>(std::move(context));
}

}  // namespace cooper::engine
