#include "source/fetch.h"

#include "base/error.h"
#include "base/error_line.h"
#include "base/fd.h"
#include "base/text.h"
#include "process/child.h"
#include "process/libexec.h"
#include "source/fetch_program.h"

#include <algorithm>
#include <csignal>
#include <utility>

namespace cooper::source {

std::string reach_line(Reach reach) {
  return std::string("reach ") + (reach == Reach::anywhere ? "anywhere" : "internet") + "\n";
}

std::string ask_fetch(const std::string& verb, const std::string& request, std::vector<int> keep,
                      std::chrono::seconds limit, std::stop_token stop) {
  Pipe input = make_pipe();
  write_all(input.write.get(), request);  // fits into the pipe
  input.write.reset();
  process::Command command{.argv = {process::libexec_program(kFetchName).string(), verb},
                           .environment = process::own_environment(),
                           .in = input.read.get(),
                           .keep = std::move(keep),
                           .death_signal = SIGKILL};
  const process::Captured captured = process::run(std::move(command), limit, std::move(stop));
  if (const auto error = parse_error_line(captured.out)) throw Error(*error);
  if (captured.out.starts_with("ok")) return captured.out.substr(2);
  throw Error(Errc::internal, std::string(kFetchName) + ": " + printable(trim(captured.err)));
}

void require_scheme(const SourceUrl& url, const FetchPolicy& policy) {
  if (std::ranges::find(policy.schemes, url.scheme) != policy.schemes.end()) return;
  throw Error(
      Errc::denied, "source may not be fetched by " + url.scheme,
      "allowed: " + join(policy.schemes, ", ") + "; the property fetch-schemes says what is");
}

std::uint64_t fetch(const SourceUrl& url, int out, const FetchPolicy& policy,
                    std::stop_token stop) {
  require_scheme(url, policy);
  std::string request = "url " + without_credentials(url) + "\nout " + std::to_string(out) +
                        "\nbytes " + std::to_string(policy.bytes) + "\nseconds " +
                        std::to_string(policy.time.count()) + "\n" + reach_line(policy.reach);
  if (!url.user.empty()) request += "user " + percent_decoded(url.user).value_or("") + "\n";
  if (!url.password.empty()) {
    request += "password " + percent_decoded(url.password).value_or("") + "\n";
  }
  for (const char* scheme : {"https", "http"}) {
    if (std::ranges::find(policy.schemes, scheme) != policy.schemes.end()) {
      request += std::string("scheme ") + scheme + "\n";
    }
  }
  try {
    // It ends itself in time, and then knows more of the reason.
    const std::string answer = ask_fetch("download", request, {out},
                                         policy.time + std::chrono::seconds(10), std::move(stop));
    return parse_number(trim(answer)).value_or(0);
  } catch (const Error& error) {  // adapter: in the words of who named the URL
    if (error.code() == Errc::canceled) throw Error(Errc::canceled, "the download was canceled");
    throw;
  }
}

std::vector<std::string> resolve(const std::string& host, const FetchPolicy& policy,
                                 std::stop_token stop) {
  constexpr std::chrono::seconds kLimit{30};
  const std::string answer = ask_fetch("resolve", "host " + host + "\n" + reach_line(policy.reach),
                                       {}, kLimit, std::move(stop));
  std::vector<std::string> addresses;
  for (const std::string_view line : split(trim(answer), '\n')) {
    if (!line.empty()) addresses.emplace_back(line);
  }
  return addresses;
}

}  // namespace cooper::source
