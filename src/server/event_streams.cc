#include "server/event_streams.h"

#include "api/builds.h"
#include "base/error.h"
#include "base/text.h"
#include "model/json.h"
#include "server/log_feed.h"
#include "server/log_hub.h"
#include "server/loop.h"
#include "server/record_feed.h"
#include "server/services.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

namespace cooper::server {

namespace json = boost::json;

namespace {

constexpr std::chrono::seconds kHeartbeat{15};
/// A record is written a moment after the times in it.
constexpr std::chrono::seconds kWriting{10};
constexpr std::chrono::hours kLongestBuild{24};

SharedText comment() {
  static const SharedText text = std::make_shared<const std::string>(":\n\n");
  return text;
}

/// JSON text has no line ends of its own.
SharedText event(std::string_view name, std::string_view id, const json::object& data) {
  std::string text = "event: " + std::string(name) + "\n";
  if (!id.empty()) text.append("id: ").append(id).append("\n");
  const std::string line = json::serialize(data);
  text.append("data: ").append(line).append("\n\n");
  return std::make_shared<const std::string>(std::move(text));
}

/// What is followed is one build's file.
class BuildFileEvents : public Stream {
 public:
  BuildFileEvents(AppName app, BuildId id, BuildFile which, std::uint64_t from)
      : app_(std::move(app)), id_(std::move(id)), which_(which), at_(from) {}

  Task<StreamEnd> run(Loop& loop, StreamWriter& writer, Wake& wake) override {
    LogFeed::Follower file(loop.logs.open(app_, id_, which_), wake);
    for (;;) {
      const LogPiece piece = co_await file.next(at_, kHeartbeat);
      if (!piece.raw) break;
      const SharedText text = piece.raw->empty() ? comment() : events_of(piece);
      if (text) co_await writer.write(text);
      if (which_ == BuildFile::log) loop.services.metrics.log_bytes += piece.raw->size();
    }
    if (wake.ended()) co_return StreamEnd::interrupted;
    rack::Rack& rack = loop.services.rack;
    const auto work = [this, &rack] { return api::to_object(rack.get_build(app_, id_)); };
    const json::object build = co_await call(loop.services.quick, work);
    const SharedText last = event("end", std::to_string(at_), build);
    co_await writer.write(last);
    co_return StreamEnd::whole;
  }

 protected:
  /// Takes the piece, which begins at `at_`; null if that makes no event yet.
  virtual SharedText events_of(const LogPiece& piece) = 0;

  const AppName app_;
  const BuildId id_;
  const BuildFile which_;
  std::uint64_t at_;  ///< of the next piece
};

class LogEvents : public BuildFileEvents {
 public:
  LogEvents(AppName app, BuildId id, std::uint64_t from)
      : BuildFileEvents(std::move(app), std::move(id), BuildFile::log, from) {}

 protected:
  SharedText events_of(const LogPiece& piece) override {
    at_ += piece.raw->size();
    return event("log", std::to_string(at_), {{"from", piece.from}, {"text", *piece.message.text}});
  }
};

class StepEvents : public BuildFileEvents {
 public:
  StepEvents(AppName app, BuildId id, std::uint64_t from)
      : BuildFileEvents(std::move(app), std::move(id), BuildFile::steps, from), line_begin_(from) {}

 protected:
  SharedText events_of(const LogPiece& piece) override {
    at_ += piece.raw->size();
    unfinished_ += *piece.message.text;
    std::string events;
    std::size_t begin = 0;
    for (std::size_t end = unfinished_.find('\n'); end != std::string::npos;
         end = unfinished_.find('\n', begin)) {
      const std::string_view line = std::string_view(unfinished_).substr(begin, end - begin);
      line_begin_ += line.size() + 1;
      begin = end + 1;
      if (const auto step = parse_step(line)) {
        events += *event("step", std::to_string(line_begin_), to_object(*step));
      }
    }
    unfinished_.erase(0, begin);
    if (events.empty()) return nullptr;
    return std::make_shared<const std::string>(std::move(events));
  }

 private:
  std::uint64_t line_begin_;  ///< of the first line that is not finished
  std::string unfinished_;
};

class BuildEvents : public Stream {
 public:
  BuildEvents(std::optional<AppName> app, std::optional<Time> since)
      : app_(std::move(app)), since_(since) {}

  Task<StreamEnd> run(Loop& loop, StreamWriter& writer, Wake& wake) override {
    RecordFeed::Follower records(loop.logs.open_records(), wake);
    co_await records.begun();
    co_await writer.write(comment());  // from now on nothing is missed
    if (since_) {
      rack::Rack& rack = loop.services.rack;
      const auto work = [this, &rack] { return changed_since(rack); };
      const SharedText earlier = co_await call(loop.services.quick, work);
      if (!earlier->empty()) co_await writer.write(earlier);
    }
    for (;;) {
      const std::optional<RecordChanges> changes = co_await records.next(kHeartbeat);
      if (!changes) co_return StreamEnd::interrupted;
      if (changes->empty()) co_await writer.write(comment());
      for (const auto& change : *changes) {
        if (app_ && change->app != *app_) continue;
        const SharedText text =
            change->view ? changed(*change->view, change->at) : removed(*change);
        co_await writer.write(text);
      }
    }
  }

 private:
  static SharedText changed(const rack::BuildView& view, Time at) {
    return event("build", to_rfc3339({.at = at}), api::to_object(view));
  }
  static SharedText removed(const RecordChange& change) {
    return event("removed", to_rfc3339({.at = change.at}),
                 {{"app", change.app.str()}, {"id", change.id.str()}});
  }

  /// Oldest first. On a worker.
  SharedText changed_since(rack::Rack& rack) const {
    const Time since = *since_ - kWriting;
    const Time asked = now();
    std::string text;
    rack::BuildPage page = rack.find_builds({.app = app_, .since = since - kLongestBuild});
    std::ranges::reverse(page.builds);
    for (const rack::BuildView& view : page.builds) {
      const Build& build = view.build;
      const bool ended_before = build.finished_at && build.finished_at->at < since;
      if (ended_before && build.started_at.at < since) continue;
      text += *changed(view, asked);
    }
    return std::make_shared<const std::string>(std::move(text));
  }

  std::optional<AppName> app_;
  std::optional<Time> since_;
};

std::string_view last_event_id(const Request& request) {
  return trim(request.headers.get("last-event-id"));
}

std::uint64_t offset_of(const Request& request, std::uint64_t from) {
  const std::string_view last = last_event_id(request);
  if (last.empty()) return from;
  const auto offset = parse_number(last);
  if (!offset) throw Error(Errc::invalid, "Last-Event-ID is no offset of this stream");
  return *offset;
}

Answer events_answer(std::shared_ptr<Stream> stream) {
  Answer answer;
  answer.type = "text/event-stream";
  answer.stream = std::move(stream);
  answer.headers.add("X-Accel-Buffering", "no");  // nginx: hand on each event as it comes
  return answer;
}

}  // namespace

Answer log_events(rack::Rack& rack, const Request& request, const AppName& app, const BuildId& id,
                  std::uint64_t from) {
  from = offset_of(request, from);
  require_offset(rack, app, id, BuildFile::log, from);
  return events_answer(std::make_shared<LogEvents>(app, id, from));
}

Answer step_events(rack::Rack& rack, const Request& request, const AppName& app,
                   const BuildId& id) {
  const std::uint64_t from = offset_of(request, 0);
  require_offset(rack, app, id, BuildFile::steps, from);
  return events_answer(std::make_shared<StepEvents>(app, id, from));
}

Answer build_events(const Request& request, const std::optional<AppName>& app) {
  std::optional<Time> since;
  if (const std::string_view last = last_event_id(request); !last.empty()) {
    const std::optional<Timestamp> time = parse_rfc3339(last);
    if (!time) throw Error(Errc::invalid, "Last-Event-ID is no time of this stream");
    since = time->at;
  }
  return events_answer(std::make_shared<BuildEvents>(app, since));
}

}  // namespace cooper::server
