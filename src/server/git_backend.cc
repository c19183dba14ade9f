#include "server/git_backend.h"

#include "base/ascii.h"
#include "base/fd.h"
#include "base/text.h"
#include "process/child.h"
#include "process/wake.h"
#include "rack/app_repository.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <memory>
#include <optional>
#include <poll.h>
#include <sys/stat.h>
#include <utility>
#include <vector>

namespace cooper::server {

namespace {

/// Each has a worker for as long as its build takes.
constexpr int kMostAtOnce = 64;
constexpr std::size_t kMostHead = std::size_t{16} << 10;
constexpr std::size_t kBlockBytes = std::size_t{64} << 10;
/// For a git whose peer has gone to end by itself.
constexpr int kEndsInMs = 1000;

/// One of those that may run at once.
class Place {
 public:
  Place() {
    if (taken_.fetch_add(1) < kMostAtOnce) return;
    taken_.fetch_sub(1);
    throw Error(Errc::unavailable,
                "there are " + std::to_string(kMostAtOnce) + " pushes and fetches already",
                "try again in a moment");
  }
  ~Place() { taken_.fetch_sub(1); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  static std::atomic<int> taken_;
};
std::atomic<int> Place::taken_ = 0;

std::uint64_t bytes_in(const Fd& file) {
  struct stat info {};
  if (file && ::fstat(file.get(), &info) != 0) throw_errno("stat");
  return static_cast<std::uint64_t>(info.st_size);
}

/// RFC 3875, as far as git asks for it; of ours nothing of git's.
std::vector<std::string> environment_for(const std::filesystem::path& repository,
                                         GitService service, GitStep step, const Request& request) {
  std::vector<std::string> environment = process::own_environment();
  std::erase_if(environment, [](const std::string& entry) {
    return entry.starts_with("GIT_") || entry.starts_with("HTTP_CONTENT_") ||
           entry.starts_with("HTTP_GIT_") || entry.starts_with("CONTENT_") ||
           entry.starts_with(rack::kPushedBy);
  });
  const auto set = [&](const char* name, std::string_view value) {
    environment.push_back(std::string(name) + "=" + std::string(value));
  };
  const std::string name(to_string(service));
  const std::string person = committer_name(request.principal.name);
  set("GIT_PROJECT_ROOT", repository.parent_path().string());
  set("GIT_HTTP_EXPORT_ALL", "1");
  set("PATH_INFO",
      "/" + repository.filename().string() + (step == GitStep::refs ? "/info/refs" : "/" + name));
  set("REQUEST_METHOD", step == GitStep::refs ? "GET" : "POST");
  set("QUERY_STRING", step == GitStep::refs ? "service=" + name : "");
  set("REMOTE_USER", person);
  set("REMOTE_ADDR", request.remote);
  set("GIT_COMMITTER_NAME", person);
  set("GIT_COMMITTER_EMAIL", person + "@http." + request.remote);
  set(rack::kPushedBy, person);
  // Who may do what has been decided before.
  set("GIT_CONFIG_COUNT", "2");
  set("GIT_CONFIG_KEY_0", "http.receivepack");
  set("GIT_CONFIG_VALUE_0", "true");
  set("GIT_CONFIG_KEY_1", "http.uploadpack");
  set("GIT_CONFIG_VALUE_1", "true");
  const std::string_view protocol = request.headers.get("git-protocol");
  if (protocol.size() < 64 && is_made_of_letters(protocol, "=:.-")) set("GIT_PROTOCOL", protocol);
  if (step == GitStep::refs) return environment;
  set("CONTENT_TYPE", request.headers.get("content-type"));
  set("CONTENT_LENGTH", std::to_string(bytes_in(request.file)));
  const std::string_view encoding = request.headers.get("content-encoding");
  if (encoding == "gzip" || encoding == "x-gzip") set("HTTP_CONTENT_ENCODING", "gzip");
  return environment;
}

/// A git that answers. Gone with this object, it is hung up on.
class Backend {
 public:
  explicit Backend(process::Command command) {
    Pipe pipe = make_pipe();
    command.out = pipe.write.get();
    child_.emplace(process::Child::start(command));
    out_ = std::move(pipe.read);
  }
  ~Backend();
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  CgiHead read_head();
  /// The body, to a descriptor, until its end, until nobody reads there any more, or we must end.
  void send_body(int to, std::stop_token ending);

 private:
  Place place_;
  std::optional<process::Child> child_;
  Fd out_;
  std::string read_;  ///< of the body, with the head
};

Backend::~Backend() {
  out_.reset();
  try {
    pollfd ended{.fd = child_->pidfd(), .events = POLLIN, .revents = 0};
    if (::poll(&ended, 1, kEndsInMs) == 0) child_->signal_group(SIGHUP);
    child_->wait();
  } catch (const Error&) {  // boundary: a destructor; who waits for it in our place reaps it
  }
}

CgiHead Backend::read_head() {
  std::array<char, 4096> block;
  for (;;) {
    const std::size_t end = read_.find("\r\n\r\n");
    if (end != std::string::npos) {
      const std::string head = read_.substr(0, end);
      read_.erase(0, end + 4);
      return parse_cgi_head(head).value();
    }
    const ssize_t n = read_some(out_.get(), block);
    if (n <= 0 || read_.size() > kMostHead) {
      throw Error(Errc::unavailable, "git http-backend does not answer",
                  "it belongs to git: install git on the server's host");
    }
    read_.append(block.data(), static_cast<std::size_t>(n));
  }
}

void Backend::send_body(int to, std::stop_token ending) {
  const process::StopWake wake(std::move(ending));
  write_all(to, std::exchange(read_, {}));
  std::string block(kBlockBytes, '\0');
  for (;;) {
    // Of a pipe nobody reads any more poll says so whatever is asked for.
    std::array<pollfd, 3> wait = {pollfd{out_.get(), POLLIN, 0}, pollfd{to, 0, 0},
                                  pollfd{wake.fd(), POLLIN, 0}};
    if (::poll(wait.data(), wait.size(), -1) < 0) continue;  // EINTR
    if (wait[1].revents != 0 || wait[2].revents != 0) return;
    const ssize_t n = read_some(out_.get(), block);
    if (n == 0) return;
    if (n > 0) write_all(to, std::string_view(block).substr(0, static_cast<std::size_t>(n)));
  }
}

}  // namespace

Result<CgiHead> parse_cgi_head(std::string_view text) {
  CgiHead head;
  const Error bad(Errc::corrupt, "git http-backend answers what is no header");
  for (std::string_view line : split(text, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::size_t colon = line.find(':');
    if (colon == 0 || colon == std::string_view::npos) return bad;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trim(line.substr(colon + 1));
    if (!is_made_of_letters(name, "-")) return bad;
    if (name == "Status") {
      const auto status = parse_number(value.substr(0, value.find(' ')));
      if (!status || *status < 200 || *status > 599) return bad;
      head.status = static_cast<unsigned>(*status);
    } else if (name == "Content-Type") {
      head.type = value;
    } else {
      head.headers.add(std::string(name), std::string(value));
    }
  }
  if (head.type.empty()) head.type = "text/plain; charset=utf-8";
  return head;
}

std::string committer_name(std::string_view principal) {
  constexpr std::size_t kLongest = 64;
  std::string name;
  for (const char c : principal) {
    if (is_made_of_letters({&c, 1}, "") || (!name.empty() && is_made_of_letters({&c, 1}, "._-")))
      name += c;
    if (name.size() == kLongest) break;
  }
  return name.empty() ? "anonymous" : name;
}

std::optional<GitService> parse_git_service(std::string_view text) {
  for (const GitService service : {GitService::upload_pack, GitService::receive_pack}) {
    if (text == to_string(service)) return service;
  }
  return std::nullopt;
}

std::string_view to_string(GitService service) noexcept {
  return service == GitService::upload_pack ? "git-upload-pack" : "git-receive-pack";
}

Answer answer_by_git(const std::filesystem::path& repository, GitService service, GitStep step,
                     const Request& request, std::stop_token ending) {
  const auto git = std::make_shared<Backend>(
      process::Command{.argv = {"git", "http-backend"},
                       .environment = environment_for(repository, service, step, request),
                       .in = request.file.get(),
                       .err = STDERR_FILENO});
  CgiHead head = git->read_head();
  Answer answer;
  answer.status = head.status;
  answer.type = std::move(head.type);
  answer.headers = std::move(head.headers);
  answer.headers.add("X-Accel-Buffering", "no");  // of nginx: a log is to be seen as it grows
  answer.producer = [git, ending = std::move(ending)](int out, const std::stop_token& /*stop*/) {
    git->send_body(out, ending);
  };
  return answer;
}

}  // namespace cooper::server
