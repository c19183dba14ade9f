// cooper-remote: cooper's commands, done by a server. Started by cooper, not by people.

#include "base/error.h"
#include "base/error_line.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/output.h"
#include "base/text.h"
#include "cli/cli.h"
#include "remote/remote_rack.h"
#include "remote/server.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

namespace {

using namespace cooper;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// Where packed sources stay from one build to the next.
store::Layout source_cache() {
  if (const std::string cache = variable("XDG_CACHE_HOME"); cache.starts_with('/')) {
    return store::Layout(cache + "/cooper/remote");
  }
  if (const std::string home = variable("HOME"); home.starts_with('/')) {
    return store::Layout(home + "/.cache/cooper/remote");
  }
  throw Error(Errc::invalid, "can't tell where your cache folder is", "set HOME");
}

/// How far an upload is, behind "Uploading source... ", on a terminal alone.
class ShownUpload : public remote::UploadWatcher {
 public:
  void sent(std::uint64_t sent, std::uint64_t all) override {
    const auto now = std::chrono::steady_clock::now();
    if (!err_.is_terminal() || (shown_ && now - at_ < std::chrono::milliseconds(100))) return;
    at_ = now;
    show(human_bytes(sent) + " of " + human_bytes(all));
  }
  void done() override {
    if (shown_) show("");
    shown_ = false;
  }

 private:
  /// The cursor is saved where the text begins, and comes back there.
  void show(const std::string& text) {
    err_.write((shown_ ? "\0338" : "\0337") + text + "\033[K" + (text.empty() ? "\0338" : ""));
    shown_ = true;
  }

  Output err_{STDERR_FILENO};
  bool shown_ = false;
  std::chrono::steady_clock::time_point at_;
};

/// Lines of a name and a value on stdin: does that server let us in?
void check_login() {
  const Fd in(::dup(STDIN_FILENO));
  const std::string text = read_open_file(in, "stdin", std::size_t{1} << 20);
  remote::Server server;
  for (const std::string_view line : split(text, '\n')) {
    const std::string_view name = line.substr(0, line.find(' '));
    const std::string value(line.substr(std::min(line.size(), name.size() + 1)));
    if (name == "url") server.url = value;
    if (name == "user") server.user = value;
    if (name == "token") server.token = value;
    if (name == "fingerprint") server.fingerprint = value;
  }
  remote::HttpClient http(server);
  remote::require_good(server.url, http.send({.path = "/v1/system"}).value());
}

int run(std::span<char*> arguments) {
  const std::vector<std::string> words(arguments.begin() + 1, arguments.end());
  const auto choice = remote::choose_server(variable);
  if (!choice) throw Error(Errc::invalid, "no server is chosen", "set COOPER_URL");
  if (cli::runs_where(words) == cli::Runs::on_host) {
    const auto is_no_flag = [](const std::string& word) { return !word.starts_with('-'); };
    remote::refuse_here(*std::ranges::find_if(words, is_no_flag));
  }
  const bool completes = !words.empty() && words[0] == "__complete";
  remote::HttpClient http(choice->server, std::chrono::seconds(completes ? 2 : 10));
  Output err(STDERR_FILENO);
  if (!choice->by_url && !completes && err.is_terminal()) {
    err.write("(on " + choice->server.url + ")\n");
  }
  ShownUpload uploads;
  remote::RemoteRack rack(http, source_cache(), uploads);
  return cli::run(arguments, rack);
}

}  // namespace

int main(int argc, char** argv) {
  const bool checks = argc == 2 && std::strcmp(argv[1], "--check-login") == 0;
  try {
    ensure_standard_streams();
    if (argc == 2 && std::strcmp(argv[1], "--version") == 0) {
      std::puts("cooper-remote " COOPER_VERSION);
      return 0;
    }
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);  // it would hold the token
    if (!checks) return run(std::span(argv, static_cast<std::size_t>(argc)));
    check_login();
    std::puts("ok");
    return 0;
  } catch (const Error& error) {  // boundary: main
    if (checks) {
      std::fputs(to_line(error).c_str(), stdout);
    } else {
      std::fprintf(stderr, "ERROR: %s\n", error.what());
      if (!error.hint().empty()) std::fprintf(stderr, "  hint: %s\n", error.hint().c_str());
    }
    return exit_code(error.code());
  } catch (const std::exception& error) {  // boundary: main
    std::fprintf(stderr, "ERROR: %s\n", error.what());
    return 1;
  }
}
