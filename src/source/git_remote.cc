#include "source/git_remote.h"

#include "base/error.h"
#include "base/pause.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <system_error>
#include <thread>
#include <utility>

namespace cooper::source {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kShortestId = 7;

GitTransports transports_of(const GitAccess& access) {
  return access.url.starts_with("file://") ? GitTransports::network_and_files
                                           : GitTransports::network;
}

struct Clue {
  std::string_view text;  ///< in what git says
  Errc code;
  std::string_view why;
  std::string_view hint;
};

constexpr std::array kClues = {
    Clue{"Authentication failed", Errc::denied, "the server refuses the credentials",
         "give them in the URL: https://USER:TOKEN@HOST/..."},
    Clue{"returned error: 403", Errc::denied, "the server refuses it (HTTP 403)", ""},
    Clue{"not found", Errc::not_found, "there is no repository",
         "many servers say so, too, of what wants credentials"},
    Clue{"unable to update url base from redirection", Errc::denied,
         "the server redirects, which is not followed", "give the URL that it redirects to"},
    Clue{"returned error: 30", Errc::denied, "the server redirects, which is not followed",
         "give the URL that it redirects to"},
    Clue{"does not appear to be a git repository", Errc::not_found, "there is no repository", ""},
    Clue{"REMOTE HOST IDENTIFICATION HAS CHANGED", Errc::denied,
         "the host's ssh key is not the one that is known",
         "another host may answer in its place; ask its owner before you take the new key"},
    Clue{"Host key verification failed", Errc::denied, "the host's ssh key is not known",
         "look at it, and add it: KEY_SCAN >> ~/.ssh/known_hosts"},
    Clue{"Permission denied (", Errc::denied, "the host accepts none of our ssh keys",
         "name one in ~/.ssh/config, or add it to an agent"},
    Clue{"SSL certificate problem", Errc::unavailable, "the server's certificate can't be trusted",
         ""}};

/// git's failure in our words, or in its own.
Error failure_of(const GitAccess& access, const std::string& shown, const std::string& messages) {
  const std::string doing = "can't fetch " + shown + ": ";
  for (const Clue& clue : kClues) {
    if (messages.find(clue.text) == std::string::npos) continue;
    std::string hint(clue.hint);
    constexpr std::string_view kKeyScan = "KEY_SCAN";
    if (const auto at = hint.find(kKeyScan); at != std::string::npos) {
      hint.replace(at, kKeyScan.size(), access.key_scan);
    }
    return {clue.code, doing + std::string(clue.why), std::move(hint)};
  }
  return {Errc::unavailable, doing + reason_of_git(messages)};
}

/// As GitCommand, with what the access asks for.
process::Captured ask(const GitAccess& access, GitCommand command, const std::string& shown,
                      std::chrono::milliseconds limit, std::stop_token stop) {
  command.transports = transports_of(access);
  command.limit = limit;
  access.apply(command);
  try {
    return try_git(command, std::move(stop));
  } catch (const Error& error) {  // adapter: in the words of who named the URL
    if (error.code() == Errc::canceled) throw Error(Errc::canceled, "fetching was canceled");
    if (error.code() != Errc::unavailable) throw;
    throw Error(Errc::unavailable, "can't fetch " + shown + ": it takes too long",
                "the property fetch-timeout says how long it may take");
  }
}

bool is_hex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

/// git-check-ref-format(1), as far as something else could be meant.
bool is_ref_text(std::string_view text) {
  return !text.empty() && text.size() < 512 && !text.starts_with('-') && !text.starts_with('/') &&
         !text.ends_with('/') && !text.ends_with(".lock") &&
         text.find("..") == std::string_view::npos && text.find("//") == std::string_view::npos &&
         text.find("@{") == std::string_view::npos &&
         text.find_first_of("\\:^~?*[ \x7f") == std::string_view::npos &&
         std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < ' '; });
}

/// What `git ls-remote --symref` prints: ids by ref, and the branch that HEAD is.
struct Listing {
  std::map<std::string, std::string, std::less<>> ids;
  std::string head;
};

Listing list_remote(const GitAccess& access, const std::string& wanted, const std::string& shown,
                    std::chrono::seconds limit, std::stop_token stop) {
  GitCommand command{.words = {"ls-remote", "--symref", "--", access.url, "HEAD"}};
  if (!wanted.empty()) {
    command.words.insert(command.words.end(),
                         {"refs/heads/" + wanted, "refs/tags/" + wanted, wanted});
  }
  const process::Captured listed = ask(access, std::move(command), shown, limit, std::move(stop));
  if (!listed.status.ok()) throw failure_of(access, shown, listed.err);
  Listing listing;
  for (const std::string_view line : split(listed.out, '\n')) {
    const std::size_t tab = line.find('\t');
    if (tab == std::string_view::npos) continue;
    const std::string_view first = line.substr(0, tab);
    const std::string_view ref = line.substr(tab + 1);
    constexpr std::string_view kSymbolic = "ref: ";
    if (first.starts_with(kSymbolic) && ref == "HEAD") {
      const std::string_view head = first.substr(kSymbolic.size());
      if (is_ref_text(head)) listing.head = head;
    } else if (is_object_id(first)) {
      listing.ids.emplace(ref, first);
    }
  }
  return listing;
}

std::uint64_t bytes_below(const fs::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code failed;
  for (fs::recursive_directory_iterator at(folder, failed), end; !failed && at != end;
       at.increment(failed)) {
    std::error_code gone;
    const std::uintmax_t size = at->is_regular_file(gone) ? at->file_size(gone) : 0;
    if (!gone) bytes += size;
  }
  return bytes;
}

/// Stops a fetch whose repository grows beyond a size, or that is to stop anyway.
class SizeWatch {
 public:
  SizeWatch(fs::path folder, std::uint64_t most, const std::stop_token& stop)
      : folder_(std::move(folder)),
        most_(most),
        forward_(stop, [this] { ended_.request_stop(); }),
        thread_([this](const std::stop_token& over) { watch(over); }) {}

  std::stop_token token() const { return ended_.get_token(); }
  std::uint64_t bytes() const { return bytes_below(folder_); }

 private:
  void watch(const std::stop_token& over) {
    constexpr std::chrono::milliseconds kInterval{200};
    while (pause(kInterval, over)) {
      if (bytes() > most_) ended_.request_stop();
    }
  }

  fs::path folder_;
  std::uint64_t most_;
  std::stop_source ended_;
  std::stop_callback<std::function<void()>> forward_;
  std::jthread thread_;  // last: it uses the others
};

/// One fetch_commit, which may take more than one attempt.
struct Attempts {
  const GitAccess& access;
  const RemoteFetch& wanted;
  const fs::path& scratch;
  SizeWatch watch;
  std::chrono::steady_clock::time_point end;
};

/// What old tools wrote and does no harm, and is in the history of well-known projects.
void check_objects(GitCommand& command) {
  command.settings.insert(
      command.settings.end(),
      {"fetch.fsckObjects=true", "fetch.fsck.zeroPaddedFilemode=warn",
       "fetch.fsck.badTimezone=warn", "fetch.fsck.missingSpaceBeforeDate=warn"});
}

bool has_any(const std::string& text, std::initializer_list<std::string_view> parts) {
  return std::ranges::any_of(
      parts, [&](std::string_view part) { return text.find(part) != std::string::npos; });
}

enum class History { none, all };

process::Captured try_fetch(const Attempts& attempts, const std::vector<std::string>& refs,
                            History history) {
  GitCommand command{
      .words = {"fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--update-shallow"},
      .repository = attempts.scratch};
  if (history == History::none) command.words.emplace_back("--depth=1");
  command.words.insert(command.words.end(), {"--", attempts.access.url});
  command.words.insert(command.words.end(), refs.begin(), refs.end());
  check_objects(command);
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      attempts.end - std::chrono::steady_clock::now());
  return ask(attempts.access, std::move(command), attempts.wanted.shown,
             std::max(left, std::chrono::milliseconds(0)), attempts.watch.token());
}

/// Fetches one ref or id; false if the remote gives no ids away, or none that was cut.
bool fetch_one(const Attempts& attempts) {
  const RemoteRef& from = attempts.wanted.from;
  if (from.ref.empty() && !from.is_whole()) return false;
  const std::vector<std::string> refs = {"+" + (from.ref.empty() ? from.commit : from.ref) + ":" +
                                         kFetchedRef};
  process::Captured done = try_fetch(attempts, refs, History::none);
  if (!done.status.ok() &&
      has_any(done.err, {"does not support shallow", "does not support --depth"})) {
    done = try_fetch(attempts, refs, History::all);
  }
  if (done.status.ok()) return true;
  if (from.ref.empty() &&
      has_any(done.err, {"not our ref", "unadvertised object", "couldn't find remote ref"})) {
    return false;
  }
  throw failure_of(attempts.access, attempts.wanted.shown, done.err);
}

std::string commit_of(const fs::path& repository, const std::string& name, const std::string& shown,
                      const std::stop_token& stop) {
  const process::Captured found = try_git(
      {.words = {"rev-parse", "--verify", "--quiet", "--end-of-options", name + "^{commit}"},
       .repository = repository},
      stop);
  if (!found.status.ok()) {
    throw Error(Errc::not_found, shown + " has no commit " + shorten(printable(name), 80));
  }
  return std::string(trim(found.out));
}

}  // namespace

RemoteRef find_remote_ref(const GitAccess& access, const std::string& wanted,
                          const std::string& shown, std::chrono::seconds limit,
                          std::stop_token stop) {
  if (!wanted.empty() && !is_ref_text(wanted)) {
    throw Error(Errc::invalid,
                "\"" + shorten(printable(wanted), 80) + "\" is no branch, tag or commit");
  }
  const Listing listing = list_remote(access, wanted, shown, limit, std::move(stop));
  const auto found = [&](const std::string& ref) -> std::optional<RemoteRef> {
    const auto at = listing.ids.find(ref);
    if (at == listing.ids.end()) return std::nullopt;
    return RemoteRef{.ref = ref, .commit = at->second};
  };
  if (wanted.empty()) {
    if (const auto head = found("HEAD")) {
      return {.ref = listing.head.empty() ? "HEAD" : listing.head, .commit = head->commit};
    }
    throw Error(Errc::not_found, shown + " has no branch that is its HEAD", "name a branch");
  }
  for (const std::string& ref : {"refs/heads/" + wanted, "refs/tags/" + wanted, wanted}) {
    if (const auto at = found(ref); at && (ref.starts_with("refs/") || ref == "HEAD")) return *at;
  }
  if (wanted.size() >= kShortestId && wanted.size() <= 64 && is_hex(wanted)) {
    return {.ref = "", .commit = wanted};
  }
  throw Error(Errc::not_found, shown + " has no branch or tag " + shorten(printable(wanted), 80));
}

Fetched fetch_commit(const GitAccess& access, const RemoteFetch& wanted, const fs::path& scratch,
                     std::stop_token stop) {
  constexpr std::size_t kSha256 = 64;
  run_git({.words = {"init", "--quiet", "--bare", "--initial-branch=main",
                     wanted.from.commit.size() == kSha256 ? "--object-format=sha256"
                                                          : "--object-format=sha1",
                     scratch.string()}},
          stop);
  const std::uint64_t most =
      wanted.bytes > wanted.bytes_before ? wanted.bytes - wanted.bytes_before : 0;
  const Attempts attempts{.access = access,
                          .wanted = wanted,
                          .scratch = scratch,
                          .watch = SizeWatch(scratch, most, stop),
                          .end = std::chrono::steady_clock::now() + wanted.limit};
  const auto require_small = [&] {
    const std::uint64_t bytes = attempts.watch.bytes();
    if (bytes <= most) return bytes;
    throw Error(Errc::invalid,
                "can't fetch " + wanted.shown + ": it is larger than " + human_bytes(wanted.bytes) +
                    (wanted.bytes_before == 0 ? "" : ", with what was fetched before"),
                "the property fetch-limit says how large it may be");
  };
  std::string name = kFetchedRef;
  try {
    if (!fetch_one(attempts)) {
      const process::Captured all = try_fetch(
          attempts, {"+refs/heads/*:refs/cooper/heads/*", "+refs/tags/*:refs/cooper/tags/*"},
          History::all);
      if (!all.status.ok()) throw failure_of(access, wanted.shown, all.err);
      name = wanted.from.commit;
    }
  } catch (const Error& error) {  // adapter: the watch stops a fetch in the same way as Ctrl-C
    if (error.code() == Errc::canceled && !stop.stop_requested()) require_small();
    throw;
  }
  const std::uint64_t bytes = require_small();
  std::string commit = commit_of(scratch, name, wanted.shown, stop);
  run_git({.words = {"update-ref", kFetchedRef, commit}, .repository = scratch}, stop);
  return {.commit = std::move(commit), .bytes = bytes};
}

void take_over(const fs::path& repository, const fs::path& scratch, const std::string& ref,
               std::stop_token stop) {
  run_git({.words = {"-c", "fetch.fsckObjects=false", "fetch", "--quiet", "--no-tags",
                     "--no-write-fetch-head", "--update-shallow", "--",
                     fs::absolute(scratch).string(), "+" + std::string(kFetchedRef) + ":" + ref},
           .repository = repository,
           .environment = {"GIT_ALLOW_PROTOCOL=file"}},
          std::move(stop));
}

}  // namespace cooper::source
