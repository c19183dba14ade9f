// /metrics: what runs here, in figures.

#include "base/error.h"
#include "base/file.h"
#include "server/build_figures.h"
#include "server/metric_text.h"
#include "server/metrics.h"
#include "server/routes.h"
#include "server/services.h"

#include <array>
#include <fstream>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

namespace cooper::server {

namespace {

constexpr std::array<std::string_view, 6> kClasses = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};

void write_requests(MetricText& text, const Metrics& metrics) {
  const auto of_route = [&](const RouteMetrics& route, auto write) {
    const std::string_view pattern =
        route.pattern.empty() ? "none" : std::string_view(route.pattern);
    const std::string_view method = route.method.empty() ? "any" : std::string_view(route.method);
    write(pattern, method);
  };
  text.family("cooper_http_requests_total", "counter", "Requests by their route and answer.");
  for (const auto& route : metrics.routes()) {
    of_route(*route, [&](std::string_view pattern, std::string_view method) {
      for (std::size_t i = 0; i < kClasses.size(); ++i) {
        const std::uint64_t count = route->by_class[i];
        if (count == 0) continue;
        text.sample({{"route", pattern}, {"method", method}, {"status", kClasses[i]}}, count);
      }
    });
  }
  text.family("cooper_http_request_duration_seconds", "histogram",
              "From a request's headers to the end of its answer, but of streams.");
  for (const auto& route : metrics.routes()) {
    if (route->took.sum_seconds() == 0) continue;
    of_route(*route, [&](std::string_view pattern, std::string_view method) {
      text.histogram({{"route", pattern}, {"method", method}}, route->took);
    });
  }
}

void write_server(MetricText& text, const Services& services) {
  const Metrics& metrics = services.metrics;
  const auto counter = [&](std::string_view name, std::uint64_t value, std::string_view help) {
    text.family(name, "counter", help);
    text.sample(value);
  };
  const auto gauge = [&](std::string_view name, std::int64_t value, std::string_view help) {
    text.family(name, "gauge", help);
    text.sample({}, static_cast<double>(value));
  };
  text.family("cooper_build_info", "gauge", "1, and which version this is.");
  text.sample({{"version", services.version}}, std::uint64_t{1});
  gauge("cooper_http_connections", metrics.connections, "Open connections.");
  gauge("cooper_log_followers", metrics.followers, "Streams that follow a build's log.");
  counter("cooper_log_bytes_total", metrics.log_bytes, "Bytes of logs delivered to them.");
  counter("cooper_engine_errors_total", metrics.engine_errors,
          "Requests that failed because an engine did.");
  counter("cooper_failed_logins_total", metrics.failed_logins, "Credentials that were not good.");
  counter("cooper_limited_logins_total", metrics.limited_logins,
          "Requests refused since too many logins from their address failed.");
  counter("cooper_audit_failures_total", metrics.audit_failures,
          "Lines that the audit log lacks; the server's log has them.");
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

/// By the names that every program gives them.
void write_process(MetricText& text, Time begin) {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  text.family("process_cpu_seconds_total", "counter", "Processor time, of user and system.");
  text.sample({}, seconds(usage.ru_utime) + seconds(usage.ru_stime));
  std::uint64_t all_pages = 0;
  std::uint64_t resident_pages = 0;
  std::ifstream("/proc/self/statm") >> all_pages >> resident_pages;
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  text.family("process_resident_memory_bytes", "gauge", "Memory in use.");
  text.sample(resident_pages * page);
  text.family("process_virtual_memory_bytes", "gauge", "Address space in use.");
  text.sample(all_pages * page);
  text.family("process_open_fds", "gauge", "Open file descriptors.");
  text.sample(std::uint64_t{list_folder("/proc/self/fd").size()});
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  text.family("process_max_fds", "gauge", "As many may be open.");
  text.sample(std::uint64_t{limit.rlim_cur});
  text.family("process_start_time_seconds", "gauge", "When it started, in seconds since 1970.");
  text.sample({}, std::chrono::duration<double>(begin.time_since_epoch()).count());
}

Answer metrics(Services& services, const Request& request) {
  if (request.principal.app) {
    throw Error(Errc::denied, "metrics are of all apps", "use a token that is for all of them");
  }
  MetricText text;
  write_server(text, services);
  services.figures.write(text);
  write_requests(text, services.metrics);
  write_process(text, services.begin);
  Answer answer;
  answer.type = "text/plain; version=0.0.4; charset=utf-8";
  answer.body = text.take();
  return answer;
}

constexpr std::array kRoutes = {
    Route{Method::get, "/metrics", Role::read, metrics, Body::none, Speed::slow}};

}  // namespace

std::span<const Route> metrics_routes() { return kRoutes; }

}  // namespace cooper::server
