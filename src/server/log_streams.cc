#include "server/log_streams.h"

#include "base/text.h"
#include "server/log_feed.h"
#include "server/log_hub.h"
#include "server/loop.h"
#include "server/send_log.h"
#include "server/services.h"

namespace cooper::server {

namespace {

class BuildLogStream : public Stream {
 public:
  BuildLogStream(AppName app, BuildId id, std::uint64_t from, Follow follow, LogForm form)
      : app_(std::move(app)), id_(std::move(id)), from_(from), follow_(follow), form_(form) {}

  Task<StreamEnd> run(Loop& loop, StreamWriter& writer, Wake& wake) override {
    LogFeed::Follower log(loop.logs.open(app_, id_, BuildFile::log), wake);
    const MessageOf as_bytes = [](const LogPiece& piece) {
      return SharedMessage{piece.raw, nullptr};
    };
    const MessageOf as_text = [](const LogPiece& piece) { return piece.message; };
    const bool is_all_there_is = co_await send_log(loop, writer, log, from_, follow_,
                                                   form_ == LogForm::bytes ? as_bytes : as_text);
    if (is_all_there_is) co_return StreamEnd::whole;
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
