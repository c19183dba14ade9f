// RemoteRack: logs.

#include "api/builds.h"
#include "base/error.h"
#include "base/text.h"
#include "remote/paths.h"
#include "remote/remote_rack.h"

#include <chrono>
#include <thread>

namespace cooper::remote {
namespace {

/// How long a server may be away while its log is followed.
constexpr std::chrono::minutes kPatience{5};
constexpr std::chrono::milliseconds kPause{250};
/// Who cuts connections later than that, as proxies do, does not do so for ever.
constexpr std::chrono::seconds kLives{5};

/// A log's bytes in their order, over connections that may be cut.
class LogReading {
 public:
  LogReading(ApiClient& api, std::uint64_t from, const std::function<void(std::string_view)>& sink)
      : api_(api), at_(from), sink_(sink) {}

  /// Whether the answer came to its end: then there is no more. Throws what the server refuses.
  Result<bool> read(const std::string& path, const std::stop_token& stop) {
    const auto answer = api_.http().send({.path = path + "from=" + std::to_string(at_),
                                          .stop = stop,
                                          .sink = [this](std::string_view bytes) {
                                            sink_(bytes);
                                            at_ += bytes.size();
                                          }});
    if (!answer) return answer.error();
    if (answer->status == 503) return Error(Errc::unavailable, "the server is about to end");
    require_good(api_.http().server().url, *answer);
    return true;
  }

  std::uint64_t at() const { return at_; }

 private:
  ApiClient& api_;
  std::uint64_t at_;
  const std::function<void(std::string_view)>& sink_;
};

/// Reads until there is no more. A cut one goes on with the byte after the last that came.
void read_on(LogReading& log, const std::string& path, const std::stop_token& stop) {
  using Clock = std::chrono::steady_clock;
  auto deadline = Clock::now() + kPatience;
  for (bool first = true;; first = false) {
    const auto begun = Clock::now();
    const std::uint64_t before = log.at();
    const Result<bool> read = log.read(path, stop);
    if (read) return;
    const bool came = log.at() != before || Clock::now() - begun > kLives;
    if (came) deadline = Clock::now() + kPatience;
    if ((first && !came) || Clock::now() > deadline) throw Error(read.error());
    if (stop.stop_requested()) return;
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace

std::uint64_t RemoteRack::follow_log(const AppName& app, const BuildId& id, std::uint64_t from,
                                     const std::function<void(std::string_view)>& sink,
                                     std::stop_token stop) {
  LogReading log(api_, from, sink);
  try {
    read_on(log, path_of(app, id) + "/log?follow=true&", stop);
  } catch (const Error& error) {  // adapter: who stops wants to know how far it came
    if (error.code() != Errc::canceled) throw;
  }
  return log.at();
}

std::uint64_t RemoteRack::read_log(const AppName& app, const BuildId& id, std::uint64_t from,
                                   const std::function<void(std::string_view)>& sink) {
  LogReading log(api_, from, sink);
  read_on(log, path_of(app, id) + "/log?", {});
  return log.at();
}

std::uint64_t RemoteRack::log_tail(const AppName& app, const BuildId& id, std::uint64_t lines) {
  const HttpAnswer answer = api_.send(
      {.method = "HEAD", .path = path_of(app, id) + "/log?tail=" + std::to_string(lines)});
  const auto from = parse_number(answer.header("log-from"));
  if (!from) throw api_.not_understood("it does not say where the log's tail begins");
  return *from;
}

rack::SearchEnd RemoteRack::search_logs(const rack::LogSearch& search,
                                        const std::function<bool(const rack::LogHit&)>& found,
                                        std::stop_token stop) {
  Query query{{"text", search.text}};
  if (search.letters == log::Case::ignored) query.emplace_back("ignore_case", "true");
  if (search.builds.app) query.emplace_back("app", search.builds.app->str());
  if (search.builds.since) query.emplace_back("since", to_rfc3339({*search.builds.since}));
  rack::SearchEnd end;
  for (std::string cursor;;) {
    Query asked = query;
    if (!cursor.empty()) asked.emplace_back("cursor", cursor);
    auto list = api_.understood(api::parse_list<api::FoundLine>(
        api_.get("/v1/logs/search" + api::query_text(asked), stop), api::parse_found_line));
    std::ranges::move(list.warnings, std::back_inserter(end.warnings));
    for (const api::FoundLine& line : list.items) {
      const Build build{.id = line.build, .app = line.app, .started_at = line.started_at};
      if (!found({.build = build, .hit = line.hit})) return end;
    }
    if (list.next.empty()) return end;
    cursor = list.next;
  }
}

/// The server notes whose token it was.
Build RemoteRack::erase_log(const AppName& app, const BuildId& id, const std::string& /*who*/) {
  return view_in(api_, api_.post(path_of(app, id) + "/log/erase", std::nullopt)).build;
}

}  // namespace cooper::remote
