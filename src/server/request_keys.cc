#include "server/request_keys.h"

#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "model/json_values.h"
#include "server/body.h"
#include "store/folders.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace cooper::server {

namespace json = boost::json;

namespace {

constexpr std::chrono::hours kKept{24};
constexpr std::chrono::minutes kBetweenPrunes{10};
constexpr std::chrono::milliseconds kPatience{250};
constexpr std::chrono::milliseconds kBetweenTries{5};
constexpr std::size_t kLongestKey = 255;
constexpr std::size_t kMostBytes = std::size_t{64} << 20;
constexpr std::size_t kBlockBytes = std::size_t{256} << 10;
constexpr std::string_view kSuffix = ".jsonl";

/// Parts can't run into each other.
std::string digest_of(std::initializer_list<std::string_view> parts) {
  Sha256 hash;
  for (const std::string_view part : parts) {
    hash.update(std::to_string(part.size()) + ":");
    hash.update(part);
  }
  return hex(hash.finish());
}

std::string digest_of(const Fd& file) {
  Sha256 hash;
  std::uint64_t at = 0;
  for (std::string block = read_block(file.get(), at, kBlockBytes); !block.empty();
       block = read_block(file.get(), at, kBlockBytes)) {
    hash.update(block);
    at += block.size();
  }
  return hex(hash.finish());
}

/// The key is in it: who reads the file can't guess what secrets the request had.
std::string fingerprint_of(const Request& request, std::string_view key) {
  std::string target;
  for (const std::string& part : request.target.path) target += "/" + part;
  for (const auto& [name, value] : request.target.query.entries()) {
    target += "\n" + name + "=" + value;
  }
  return digest_of({key, target, request.file ? digest_of(request.file) : request.body});
}

bool is_key(std::string_view key) {
  if (key.empty() || key.size() > kLongestKey) return false;
  return std::ranges::all_of(key, [](char c) { return c > ' ' && c < 0x7f; });
}

std::string file_name(const Request& request, std::string_view key) {
  return digest_of({request.principal.name, key}) + std::string(kSuffix);
}

Answer under_way() {
  Answer later =
      error_answer(Error(Errc::conflict, "the request with that idempotency key is under way",
                         "ask again once it has ended"));
  later.headers.add("Retry-After", "1");
  return later;
}

/// False: somebody keeps it.
bool lock_within(const Fd& file, std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) throw_errno("lock a request's key");
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(kBetweenTries);
  }
  return true;
}

/// A key's file, unlocked at the end: closed alone, it would be locked for as long as a process
/// that was forked meanwhile keeps it open, which is until that runs its program.
class KeyFile {
 public:
  explicit KeyFile(Fd file) : file_(std::move(file)) {}
  KeyFile(KeyFile&&) = default;
  KeyFile& operator=(KeyFile&&) = delete;
  ~KeyFile() {
    if (file_) ::flock(file_.get(), LOCK_UN);
  }
  const Fd& fd() const { return file_; }
  explicit operator bool() const { return static_cast<bool>(file_); }

 private:
  Fd file_;
};

/// Opens and locks a key's file; empty if somebody keeps it. A file that was removed meanwhile is
/// nobody's.
KeyFile lock_file(const Fd& folder, const std::string& name) {
  while (true) {
    KeyFile file(open_beneath(folder, name, O_RDWR | O_CREAT, 0600));
    if (!lock_within(file.fd(), kPatience)) return KeyFile(Fd());
    struct stat info {};
    if (::fstat(file.fd().get(), &info) != 0) throw_errno("stat");
    if (info.st_nlink > 0) return file;
  }
}

/// What a key's file tells.
struct Kept {
  std::string fingerprint;
  Timestamp begun;
  std::optional<Answer> answer;  ///< absent: it was cut off
};

std::optional<Answer> parse_answer(std::string_view line) {
  const auto object = parse_json_object(line);
  if (!object) return std::nullopt;
  JsonReader reader(*object);
  Answer answer;
  answer.status = reader.number<unsigned>("status").value_or(0);
  answer.type = reader.required_text("type");
  answer.body = reader.required_text("body");
  for (auto& [name, value] : reader.texts("headers")) answer.headers.add(name, value);
  if (!reader.problem().empty() || answer.status == 0) return std::nullopt;
  return answer;
}

/// A line that a crash has cut off tells nothing.
std::optional<Kept> parse_kept(std::string_view text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const auto object = parse_json_object(text.substr(0, end));
  if (!object) return std::nullopt;
  JsonReader reader(*object);
  Kept kept{.fingerprint = reader.required_text("request"),
            .begun = reader.required_time("begun_at"),
            .answer = {}};
  if (!reader.problem().empty()) return std::nullopt;
  std::string_view rest = text.substr(end + 1);
  if (rest.ends_with('\n')) kept.answer = parse_answer(trim(rest));
  return kept;
}

void append(const Fd& file, const json::object& object) {
  if (::lseek(file.get(), 0, SEEK_END) < 0) throw_errno("lseek");
  write_all(file.get(), json::serialize(object) + "\n");
  if (::fsync(file.get()) != 0) throw_errno("write a request's key");
}

json::object to_object(const Answer& answer) {
  json::object headers;
  for (const auto& [name, value] : answer.headers.entries()) headers[name] = value;
  return {{"status", answer.status},
          {"type", answer.type},
          {"headers", std::move(headers)},
          {"body", answer.kept_body.value_or(answer.body)}};
}

/// The key's file while its request is done: gone again, unless there is an answer to keep.
class Begun {
 public:
  Begun(const Fd& folder, std::string name, KeyFile file, const std::string& fingerprint)
      : folder_(folder), name_(std::move(name)), file_(std::move(file)) {
    if (::ftruncate(file_.fd().get(), 0) != 0) throw_errno("write a request's key");
    append(file_.fd(), {{"request", fingerprint}, {"begun_at", to_rfc3339({now()})}});
    if (::fsync(folder_.get()) != 0) throw_errno("write a request's key");
  }
  ~Begun() {
    if (!is_kept_) ::unlinkat(folder_.get(), name_.c_str(), 0);
  }
  Begun(const Begun&) = delete;
  Begun& operator=(const Begun&) = delete;

  void keep(const Answer& answer) {
    is_kept_ = true;  // from here on it must not be done again, even if that can't be written
    append(file_.fd(), to_object(answer));
  }

 private:
  const Fd& folder_;
  std::string name_;
  KeyFile file_;
  bool is_kept_ = false;
};

/// The answer for a key that came before; nullopt if that was too long ago.
std::optional<Answer> answer_again(Kept kept, const std::string& fingerprint) {
  if (kept.begun.at + kKept < now()) return std::nullopt;
  if (kept.fingerprint != fingerprint) {
    return error_answer(422, "that idempotency key came with another request",
                        "give each request a key of its own, such as a UUID");
  }
  if (!kept.answer) {
    throw Error(Errc::conflict, "the request with that idempotency key was cut off",
                "look whether it was done; if not, send it with another key");
  }
  Answer answer = std::move(*kept.answer);
  answer.headers.add("Idempotency-Replayed", "true");
  return answer;
}

}  // namespace

Answer RequestKeys::answer(const Request& request, std::string_view key,
                           const std::function<Answer()>& work) {
  if (!is_key(key)) {
    throw Error(Errc::invalid, "that is no idempotency key",
                "a key is 1 to " + std::to_string(kLongestKey) + " visible ASCII characters");
  }
  const Fd folder = store::make_folder(layout_, layout_.request_keys(), 0700);
  prune(folder);
  const std::string name = file_name(request, key);
  KeyFile file = lock_file(folder, name);
  if (!file) return under_way();
  const std::string text = read_open_file(file.fd(), name, kMostBytes);
  const std::string fingerprint = fingerprint_of(request, key);
  if (auto kept = parse_kept(text)) {
    if (auto again = answer_again(std::move(*kept), fingerprint)) return std::move(*again);
  }
  Begun begun(folder, name, std::move(file), fingerprint);
  Answer answer = work();
  if (answer.status < 400) begun.keep(answer);
  return answer;
}

std::optional<Answer> RequestKeys::refuse_under_way(const Request& request,
                                                    std::string_view key) const {
  const KeyFile file(find_regular_file(layout_.request_keys() / file_name(request, key), O_RDWR));
  if (!file || lock_within(file.fd(), {})) return std::nullopt;  // who asks asks again
  return under_way();
}

void RequestKeys::prune(const Fd& folder) {
  const Time when = now();
  {
    const std::lock_guard guard(mutex_);
    if (pruned_at_ + kBetweenPrunes > when) return;
    pruned_at_ = when;
  }
  for (const std::string& name : list_folder(folder)) {
    struct stat info {};
    if (::fstatat(folder.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    const Time changed{std::chrono::seconds(info.st_mtim.tv_sec)};
    if (!S_ISREG(info.st_mode) || changed + kKept >= when) continue;
    if (const KeyFile file = lock_file(folder, name)) ::unlinkat(folder.get(), name.c_str(), 0);
  }
}

}  // namespace cooper::server
