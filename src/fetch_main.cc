// cooper-fetch: gets a URL, or the addresses of a host, in place of cooper. Started by
// cooper, not by people; see source/fetch.h.

#include "base/error.h"
#include "base/error_line.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"
#include "source/download/download.h"
#include "source/download/post.h"

#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

using namespace cooper;

/// Lines of a name and a value, from stdin.
std::multimap<std::string, std::string> read_request() {
  std::multimap<std::string, std::string> request;
  const Fd in(::dup(STDIN_FILENO));
  const std::string text = read_open_file(in, "stdin", 65536);
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t blank = line.find(' ');
    if (blank != std::string_view::npos) {
      request.emplace(line.substr(0, blank), line.substr(blank + 1));
    }
  }
  return request;
}

std::string post(const std::multimap<std::string, std::string>& request, source::Reach reach) {
  const auto value = [&](const char* name) {
    const auto found = request.find(name);
    if (found == request.end()) throw Error(Errc::invalid, std::string(name) + " is missing");
    return found->second;
  };
  const Fd body(static_cast<int>(parse_number(value("in")).value_or(0)));
  source::HttpPost wanted{
      .url = value("url"),
      .headers = {},
      .body = read_open_file(body, "the body", std::size_t{4} << 20),
      .reach = reach,
      .time = std::chrono::seconds(parse_number(value("seconds")).value_or(15))};
  for (auto [at, end] = request.equal_range("header"); at != end; ++at) {
    wanted.headers.push_back(at->second);
  }
  return "ok " + std::to_string(source::download::post(wanted)) + "\n";
}

std::string run(std::string_view verb) {
  const auto request = read_request();
  const auto value = [&](const char* name) {
    const auto found = request.find(name);
    return found == request.end() ? std::string() : found->second;
  };
  const source::Reach reach =
      value("reach") == "anywhere" ? source::Reach::anywhere : source::Reach::internet;
  if (verb == "resolve") {
    std::string answer = "ok\n";
    for (const std::string& address : source::download::addresses_of(value("host"), reach)) {
      answer += address + "\n";
    }
    return answer;
  }
  if (verb == "post") return post(request, reach);
  if (verb != "download") {
    throw Error(Errc::invalid, "cooper starts this program", "run `cooper git:from-archive`");
  }
  const auto number = [&](const char* name) {
    if (const auto found = parse_number(value(name))) return *found;
    throw Error(Errc::invalid, std::string(name) + " is missing");
  };
  source::download::Download wanted{.url = value("url"),
                                    .user = value("user"),
                                    .password = value("password"),
                                    .policy = {.schemes = {},
                                               .reach = reach,
                                               .bytes = number("bytes"),
                                               .time = std::chrono::seconds(number("seconds"))}};
  for (auto [at, end] = request.equal_range("scheme"); at != end; ++at) {
    wanted.policy.schemes.push_back(at->second);
  }
  return "ok " +
         std::to_string(source::download::download(wanted, static_cast<int>(number("out")))) + "\n";
}

}  // namespace

int main(int argc, char** argv) {
  try {
    ensure_standard_streams();
    if (argc == 2 && std::strcmp(argv[1], "--version") == 0) {
      std::puts("cooper-fetch " COOPER_VERSION);
      return 0;
    }
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);  // it would hold the URL's password
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    write_all(STDOUT_FILENO, run(argc == 2 ? argv[1] : ""));
    return 0;
  } catch (const Error& error) {  // boundary: main
    std::fputs(to_line(error).c_str(), stdout);
    return exit_code(error.code());
  } catch (const std::exception& error) {  // boundary: main
    std::fprintf(stderr, "cooper-fetch: %s\n", error.what());
    return 1;
  }
}
