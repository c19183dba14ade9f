#include "server/log_streams.h"

#include "base/text.h"
#include "server/log_feed.h"
#include "server/log_hub.h"
#include "server/loop.h"
#include "server/services.h"

namespace cooper::server {

namespace {

class BuildLogStream : public Stream {
 public:
  BuildLogStream(AppName app, BuildId id, std::uint64_t from, Follow follow, LogForm form)
      : app_(std::move(app)), id_(std::move(id)), from_(from), follow_(follow), form_(form) {}

  Task<StreamEnd> run(Loop& loop, StreamWriter& writer, Wake& wake) override {
    LogFeed::Follower log(loop.logs.open(app_, id_, BuildFile::log), wake);
    std::uint64_t at = from_;
    for (;;) {
      if (follow_ == Follow::no) {
        const bool at_end = co_await log.is_at_end(at);
        if (at_end) co_return StreamEnd::whole;
      }
      std::vector<LogPiece> pieces = co_await log.next_few(at);
      if (pieces.empty()) break;
      std::uint64_t bytes = 0;
      std::vector<SharedMessage> messages;
      for (LogPiece& piece : pieces) {
        bytes += piece.raw->size();
        if (form_ == LogForm::bytes) piece.message = {piece.raw, nullptr};
        messages.push_back(std::move(piece.message));
      }
      pieces.clear();
      co_await writer.write_shared(std::move(messages));
      loop.services.metrics.log_bytes += bytes;
      at += bytes;
    }
    if (wake.ended()) co_return StreamEnd::interrupted;
    if (log.is_missing()) co_await send_journal(loop, writer);
    co_return StreamEnd::whole;
  }

 private:
  /// What the system's journal still has of a log whose file is gone.
  Task<void> send_journal(Loop& loop, StreamWriter& writer) {
    rack::Rack& rack = loop.services.rack;
    const auto work = [this, &rack] {
      std::string text;
      rack.read_log(app_, id_, 0, [&text](std::string_view bytes) { text += bytes; });
      if (form_ == LogForm::text) text = valid_utf8(text);
      return std::make_shared<const std::string>(std::move(text));
    };
    const SharedText text = co_await call(loop.services.slow, work);
    if (!text->empty()) co_await writer.write(text);
  }

  AppName app_;
  BuildId id_;
  std::uint64_t from_;
  Follow follow_;
  LogForm form_;
};

}  // namespace

std::shared_ptr<Stream> build_log_stream(AppName app, BuildId id, std::uint64_t from, Follow follow,
                                         LogForm form) {
  return std::make_shared<BuildLogStream>(std::move(app), std::move(id), from, follow, form);
}

}  // namespace cooper::server
