#include "server/log_feed.h"

#include "base/error.h"
#include "base/text.h"
#include "server/log_hub.h"
#include "server/loop.h"
#include "server/services.h"
#include "server/utf8_text.h"

#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace cooper::server {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t kPieceBytes = std::size_t{64} << 10;
constexpr std::size_t kKeptBytes = std::size_t{1} << 20;
/// Of pieces that are sent together; and of what is read before who follows gets any of it.
constexpr std::size_t kTogetherBytes = std::size_t{256} << 10;
constexpr std::size_t kMostTogether = 12;
/// When to forget those that nobody sends any more.
constexpr std::size_t kMostRead = 256;
constexpr auto kLookAgain = 1000ms;         // a safety net, for file systems without events
constexpr auto kLookAgainUnwatched = 50ms;  // nothing else tells us
/// Many followers get fewer and larger pieces: to send one to each takes about so long.
constexpr auto kEachFollower = 10us;
/// More of them are told by turns, and between turns the log is read: so nobody waits for longer
/// than it takes to send to all.
constexpr std::size_t kMostTold = 2'000;

LogPiece piece_of(std::uint64_t from, std::string bytes) {
  LogPiece piece{.from = from,
                 .raw = std::make_shared<const std::string>(std::move(bytes)),
                 .message = {.text = nullptr, .packed = std::make_shared<PackedText>()}};
  piece.message.text =
      is_utf8(*piece.raw) ? piece.raw : std::make_shared<const std::string>(valid_utf8(*piece.raw));
  return piece;
}

std::uint64_t end_of(const LogPiece& piece) { return piece.from + piece.raw->size(); }

/// What is there of so many bytes; fewer at the file's end.
std::string read_at(const Fd& file, std::uint64_t from, std::size_t most) {
  std::string bytes(most, '\0');
  std::size_t got = 0;
  while (got < most) {
    const ssize_t n =
        ::pread(file.get(), bytes.data() + got, most - got, static_cast<off_t>(from + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno("read a log");
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  bytes.resize(got);
  return bytes;
}

std::uint64_t size_of(const Fd& file) {
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) throw_errno("stat a log");
  return static_cast<std::uint64_t>(info.st_size);
}

Error beyond_the_end(std::uint64_t from) {
  return Error(Errc::invalid, "offset " + std::to_string(from) + " is beyond the log's end");
}

}  // namespace

std::filesystem::path path_of(rack::Rack& rack, const AppName& app, const BuildId& id,
                              BuildFile which) {
  std::filesystem::path path = rack.log_path(app, id);
  if (which == BuildFile::steps) path.replace_filename(id.str() + ".steps.jsonl");
  return path;
}

void require_offset(rack::Rack& rack, const AppName& app, const BuildId& id, BuildFile which,
                    std::uint64_t from) {
  const Fd file = find_regular_file(path_of(rack, app, id, which), O_RDONLY);
  // Of a log without its file the journal may know; steps come from nowhere else.
  const bool is_known = file || which == BuildFile::steps;
  if (is_known && from > (file ? size_of(file) : 0)) throw beyond_the_end(from);
}

LogFeed::LogFeed(Loop& loop, LogHub& hub, AppName app, BuildId id, BuildFile which)
    : loop_(loop),
      hub_(hub),
      app_(std::move(app)),
      id_(std::move(id)),
      which_(which),
      wake_(loop.context.get_executor()) {}

LogFeed::~LogFeed() {
  hub_.unwatch(folder_watch_, *this);
  hub_.unwatch(file_watch_, *this);
}

LogFeed::Look LogFeed::look() const {
  Look found;
  rack::Rack& rack = loop_.services.rack;
  try {
    found.log = path_of(rack, app_, id_, which_);
    const DisplayStatus status = rack.get_build(app_, id_).status;
    found.live = status == DisplayStatus::running || status == DisplayStatus::queued;
  } catch (const Error& error) {  // adapter: removed, or its log is all that is left
    if (error.code() != Errc::not_found && error.code() != Errc::corrupt) throw;
  }
  return found;
}

Task<void> LogFeed::take_look() {
  ask_ = false;
  const auto work = [this] { return look(); };
  const Look found = co_await call(loop_.services.quick, work);
  if (!found.log.empty()) log_ = found.log;
  ended_ = !found.live;
  watch();
  if (file_) reopen_if_removed();
  if (file_ || log_.empty()) co_return;
  Fd file = find_regular_file(log_, O_RDONLY);
  if (!file) co_return;
  file_ = std::make_shared<const Fd>(std::move(file));
  // Who comes later reads what is there by itself.
  head_ = size_of(*file_);
  const std::size_t tail = std::min<std::uint64_t>(head_, 3);
  head_ -= unfinished_tail(read_at(*file_, head_ - tail, tail));
  untold_ = followers_.size();  // who waits for its first bytes
}

void LogFeed::watch() {
  if (log_.empty()) return;
  if (folder_watch_ < 0) {
    folder_watch_ =
        hub_.watch(log_.parent_path(), IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE, *this);
  }
  if (file_watch_ < 0) file_watch_ = hub_.watch(log_, IN_MODIFY | IN_DONT_FOLLOW, *this);
}

/// The writer makes a log that somebody removed again, with the same bytes at the same place.
void LogFeed::reopen_if_removed() {
  struct stat info {};
  if (!ended_ || ::fstat(file_->get(), &info) != 0 || info.st_nlink != 0) return;
  Fd again = find_regular_file(log_, O_RDONLY);
  if (!again || size_of(again) < head_) return;
  file_ = std::make_shared<const Fd>(std::move(again));  // a worker may still read the old one
}

void LogFeed::on_event(int watch, std::string_view name) {
  if (watch == file_watch_ && !name.empty()) return;
  // Of the folder, only what is ours: the record, and a log that has just come.
  if (watch == folder_watch_ && !name.empty() && name != log_.filename().native() &&
      name != id_.str() + ".json") {
    return;
  }
  if (watch == folder_watch_) ask_ = true;
  wake_.notify();
}

/// True: there is more.
Task<bool> LogFeed::read_new() {
  const std::uint64_t begin = head_;
  while (file_ && !followers_.empty() && !wake_.ended()) {
    const auto work = [file = file_, from = head_] { return read_at(*file, from, kPieceBytes); };
    std::string bytes = co_await call(loop_.services.quick, work);
    const bool is_last = bytes.size() < kPieceBytes;
    // Once it has ended, half a character is all that there is of it.
    if (!(ended_ && is_last)) bytes.resize(bytes.size() - unfinished_tail(bytes));
    if (bytes.empty()) break;
    append(std::move(bytes));
    untold_ = followers_.size();
    if (is_last) break;
    if (head_ - begin >= kTogetherBytes) co_return true;
  }
  co_return false;
}

void LogFeed::append(std::string bytes) {
  pieces_.push_back(piece_of(head_, std::move(bytes)));
  head_ = end_of(pieces_.back());
  piece_bytes_ += pieces_.back().raw->size();
  while (piece_bytes_ > kKeptBytes) {
    piece_bytes_ -= pieces_.front().raw->size();
    pieces_.pop_front();
  }
}

void LogFeed::notify_all() {
  for (Wake* follower : followers_) follower->notify();
}

/// Some of those who do not know yet what was read, in turn. Their number.
int LogFeed::tell_some() {
  untold_ = std::min(untold_, followers_.size());
  const std::size_t count = std::min(untold_, kMostTold);
  for (std::size_t i = 0; i < count; ++i) {
    if (next_told_ >= followers_.size()) next_told_ = 0;
    followers_[next_told_++]->notify();
  }
  untold_ -= count;
  return static_cast<int>(count);
}

Task<void> LogFeed::pump(std::shared_ptr<LogFeed> feed) {
  LogFeed& self = *feed;
  Wake rest(self.loop_.context.get_executor());
  try {
    do {
      if (self.ask_) co_await self.take_look();
      if (!self.looked_) self.untold_ = self.followers_.size();
      self.looked_ = true;
      // First the state, then the bytes: what is there once it has ended is all.
      const bool ended = self.ended_;
      const bool more = co_await self.read_new();
      self.is_read_ = ended && !more;
      if (self.is_read_ || self.wake_.ended()) break;
      const std::chrono::microseconds pause = kEachFollower * self.tell_some();
      if (pause > 5ms) {
        co_await rest.wait(std::chrono::duration_cast<std::chrono::milliseconds>(pause));
      }
      if (more || self.untold_ > 0) continue;
      const bool watched = self.folder_watch_ >= 0 && self.file_watch_ >= 0;
      const bool news = co_await self.wake_.wait(watched ? kLookAgain : kLookAgainUnwatched);
      if (!news || !self.file_) self.ask_ = true;
    } while (!self.followers_.empty());
  } catch (const std::exception&) {  // boundary: those who follow get it
    self.failure_ = std::current_exception();
  }
  self.is_over_ = true;
  self.notify_all();
}

LogPiece LogFeed::shared_piece(std::uint64_t from) {
  const auto after = std::ranges::upper_bound(pieces_, from, {}, &LogPiece::from);
  if (after == pieces_.begin()) return {};
  const LogPiece& piece = *std::prev(after);
  if (end_of(piece) <= from) return {};
  if (piece.from == from) return piece;
  LogPiece rest = piece_of(from, piece.raw->substr(from - piece.from));
  rest.message.packed = nullptr;
  return rest;
}

LogPiece LogFeed::find_read(std::uint64_t from) const {
  const auto found = read_.find(from);
  if (found == read_.end()) return {};
  LogPiece piece{.from = from,
                 .raw = found->second.raw.lock(),
                 .message = {.text = found->second.text.lock(), .packed = nullptr}};
  return piece.raw && piece.message.text ? piece : LogPiece{};
}

/// Pieces end near multiples of their size, wherever one begins: so those of many are soon the
/// same.
Task<LogPiece> LogFeed::own_piece(std::uint64_t from) {
  LogPiece piece = find_read(from);
  if (piece.raw) co_return piece;
  // (What was cut from a piece before its end is never a piece of its own.)
  const std::uint64_t end =
      std::min<std::uint64_t>(head_, ((from + 3) / kPieceBytes + 1) * kPieceBytes);
  const std::size_t most = end - from;
  const bool is_last = end == head_;  // which cuts no character
  const auto work = [file = file_, from, most] { return read_at(*file, from, most); };
  std::string bytes = co_await call(loop_.services.quick, work);
  if (bytes.empty()) throw Error(Errc::corrupt, "the log became shorter while it was read");
  if (!is_last) bytes.resize(bytes.size() - unfinished_tail(bytes));
  // Somebody else may have read it meanwhile.
  piece = find_read(from);
  if (piece.raw) co_return piece;
  piece = piece_of(from, std::move(bytes));
  piece.message.packed = nullptr;  // few are there at once: it would be packed for each
  if (read_.size() >= kMostRead) {
    std::erase_if(read_, [](const auto& entry) { return entry.second.raw.expired(); });
  }
  read_[from] = {piece.raw, piece.message.text};
  co_return piece;
}

LogFeed::Follower::Follower(std::shared_ptr<LogFeed> feed, Wake& wake)
    : feed_(std::move(feed)), wake_(wake) {
  feed_->followers_.push_back(&wake_);
  ++feed_->loop_.services.metrics.followers;
}

LogFeed::Follower::~Follower() {
  --feed_->loop_.services.metrics.followers;
  auto& all = feed_->followers_;
  const auto at = std::ranges::find(all, &wake_);
  if (std::cmp_less(at - all.begin(), feed_->next_told_)) --feed_->next_told_;
  all.erase(at);
  if (feed_->followers_.empty()) feed_->wake_.notify();
}

Task<bool> LogFeed::Follower::is_at_end(std::uint64_t at) {
  while (!feed_->looked_ && !feed_->failure_ && !wake_.ended()) co_await wake_.wait(1h);
  co_return feed_->looked_&& at >= feed_->head_;
}

Task<LogPiece> LogFeed::Follower::next(std::uint64_t from, std::chrono::milliseconds most) {
  LogFeed& feed = *feed_;
  const auto deadline = std::chrono::steady_clock::now() + most;
  while (!wake_.ended()) {
    if (feed.failure_) std::rethrow_exception(feed.failure_);
    LogPiece piece = feed.shared_piece(from);
    if (piece.raw) co_return piece;
    if (from < feed.head_) {
      piece = co_await feed.own_piece(from);
      co_return piece;
    }
    if (from > feed.head_ && feed.file_ && from > size_of(*feed.file_)) {
      throw beyond_the_end(from);
    }
    if (feed.is_read_) break;
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left <= 0ms) {
      static const SharedText nothing = std::make_shared<const std::string>();
      co_return LogPiece{.from = from, .raw = nothing, .message = {nothing, nullptr}};
    }
    co_await wake_.wait(std::chrono::ceil<std::chrono::milliseconds>(left));
  }
  co_return LogPiece{};
}

Task<std::vector<LogPiece>> LogFeed::Follower::next_few(std::uint64_t from) {
  std::vector<LogPiece> pieces;
  LogPiece piece = co_await next(from);
  std::uint64_t end = from;
  while (piece.raw) {
    end += piece.raw->size();
    pieces.push_back(std::move(piece));
    piece = {};
    if (end - from < kTogetherBytes) piece = feed_->shared_piece(end);
  }
  // (As they are, not joined: what is made and packed once serves all. Who is far behind a log that
  // is written line by line is alone with that.)
  if (pieces.size() > kMostTogether) {
    std::string joined;
    for (const LogPiece& one : pieces) joined += *one.raw;
    pieces.clear();
    pieces.push_back(piece_of(from, std::move(joined)));
    pieces.back().message.packed = nullptr;
  }
  co_return pieces;
}

}  // namespace cooper::server
