#include "source/download/download.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "source/address.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <curl/curl.h>
#include <exception>
#include <memory>
#include <netdb.h>
#include <string_view>
#include <sys/socket.h>
#include <utility>

namespace cooper::source::download {
namespace {

constexpr long kMostRedirects = 5;
constexpr long kConnectSeconds = 30;
constexpr long kSilentSeconds = 60;

constexpr std::string_view kAllowPrivate =
    "the property fetch-private allows addresses that are not public";

Error not_public(const std::string& host, const std::string& address) {
  return {Errc::denied,
          host == address ? address + " is no public address"
                          : host + " is at " + address + ", which is no public address",
          std::string(kAllowPrivate)};
}

/// One transfer, and what its callbacks have to say.
class Transfer {
 public:
  Transfer(const Download& wanted, int out)
      : wanted_(wanted), out_(out), curl_(::curl_easy_init()) {
    if (!curl_) throw Error(Errc::unavailable, "libcurl can't be used");
  }

  std::uint64_t run() {
    set_up();
    const CURLcode result = ::curl_easy_perform(curl_.get());
    if (result != CURLE_OK) fail(result);
    return bytes_;
  }

 private:
  struct Free {
    void operator()(CURL* curl) const { ::curl_easy_cleanup(curl); }
  };

  template <class Value>
  void set(CURLoption option, Value value) {
    const CURLcode result = ::curl_easy_setopt(curl_.get(), option, value);
    if (result != CURLE_OK) {
      throw Error(Errc::internal, std::string("libcurl: ") + ::curl_easy_strerror(result));
    }
  }

  void set_up() {
    const FetchPolicy& policy = wanted_.policy;
    const std::string schemes = join(policy.schemes, ",");
    set(CURLOPT_URL, wanted_.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, schemes.c_str());
    set(CURLOPT_REDIR_PROTOCOLS_STR, schemes.c_str());
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, kMostRedirects);
    if (!wanted_.user.empty()) set(CURLOPT_USERNAME, wanted_.user.c_str());
    if (!wanted_.password.empty()) set(CURLOPT_PASSWORD, wanted_.password.c_str());
    set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    if (policy.reach == Reach::internet) {
      set(CURLOPT_PROXY, "");
      set(CURLOPT_OPENSOCKETFUNCTION, open_socket);
      set(CURLOPT_OPENSOCKETDATA, this);
    }
    set(CURLOPT_FAILONERROR, 1L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    set(CURLOPT_TIMEOUT, static_cast<long>(policy.time.count()));
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME, kSilentSeconds);
    set(CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(policy.bytes));
    set(CURLOPT_USERAGENT, "cooper");
    set(CURLOPT_ERRORBUFFER, reason_.data());
    set(CURLOPT_WRITEFUNCTION, write);
    set(CURLOPT_WRITEDATA, this);
    // As OpenSSL itself and the curl program take it.
    if (const char* file = std::getenv("SSL_CERT_FILE")) set(CURLOPT_CAINFO, file);
  }

  static curl_socket_t open_socket(void* self, curlsocktype /*purpose*/, curl_sockaddr* address) {
    auto* const me = static_cast<Transfer*>(self);
    if (!is_public(address->addr)) {
      me->refused_ = text_of(address->addr);
      return CURL_SOCKET_BAD;
    }
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  }

  static std::size_t write(char* bytes, std::size_t /*one*/, std::size_t count, void* self) {
    auto* const me = static_cast<Transfer*>(self);
    if (count > me->wanted_.policy.bytes - me->bytes_) {
      me->too_large_ = true;
      return CURL_WRITEFUNC_ERROR;
    }
    try {
      write_all(me->out_, {bytes, count});
    } catch (...) {  // adapter: must not fly through C; fail() throws it on
      me->failure_ = std::current_exception();
      return CURL_WRITEFUNC_ERROR;
    }
    me->bytes_ += count;
    return count;
  }

  /// The URL that was asked last, and the first one if that is another.
  std::string where() const {
    const std::string first = shown_text(wanted_.url);
    const char* last = nullptr;
    ::curl_easy_getinfo(curl_.get(), CURLINFO_EFFECTIVE_URL, &last);
    const std::string at = last ? shown_text(last) : first;
    return at == first ? first : at + ", where " + first + " redirects to";
  }

  static std::string shown_text(std::string_view text) {
    const auto url = parse_source_url(text);
    return url ? shown(*url) : "a URL that can't be read";
  }

  std::string host() const {
    const char* last = nullptr;
    ::curl_easy_getinfo(curl_.get(), CURLINFO_EFFECTIVE_URL, &last);
    const auto url = parse_source_url(last ? last : wanted_.url.c_str());
    return url ? url->host : "the host";
  }

  [[noreturn]] void fail(CURLcode result) {
    if (failure_) std::rethrow_exception(failure_);
    if (!refused_.empty())
      throw Error(not_public(host(), refused_)).while_doing("can't fetch " + where());
    if (too_large_ || result == CURLE_FILESIZE_EXCEEDED) {
      throw Error(
          Errc::invalid,
          "can't fetch " + where() + ": it is larger than " + human_bytes(wanted_.policy.bytes),
          "the property fetch-limit says how large it may be");
    }
    if (result == CURLE_HTTP_RETURNED_ERROR) fail_of_status();
    const auto [code, why, hint] = reason_of(result);
    throw Error(code, "can't fetch " + where() + ": " + why, hint);
  }

  struct Reason {
    Errc code;
    std::string why;
    std::string hint = {};
  };

  Reason reason_of(CURLcode result) const {
    switch (static_cast<int>(result)) {
      case CURLE_COULDNT_RESOLVE_HOST:
        return {Errc::unavailable, "no host of that name is known"};
      case CURLE_COULDNT_CONNECT:
        return {Errc::unavailable, "the server can't be reached"};
      case CURLE_OPERATION_TIMEDOUT:
        return {Errc::unavailable, "it takes too long",
                "the property fetch-timeout says how long it may take"};
      case CURLE_TOO_MANY_REDIRECTS:
        return {Errc::unavailable,
                "there are more than " + std::to_string(kMostRedirects) + " redirects"};
      case CURLE_UNSUPPORTED_PROTOCOL:
        return {Errc::denied,
                "it redirects to what is not " + join(wanted_.policy.schemes, " or ")};
      case CURLE_PEER_FAILED_VERIFICATION:
        return {Errc::unavailable, "the server's certificate can't be trusted: " + details()};
      case CURLE_PARTIAL_FILE:
      case CURLE_GOT_NOTHING:
      case CURLE_RECV_ERROR:
        return {Errc::unavailable, "the server ended the connection before all was there"};
      default:
        return {Errc::unavailable, details()};
    }
  }

  std::string details() const { return shorten(printable(trim(reason_.data())), 200); }

  [[noreturn]] void fail_of_status() {
    long status = 0;
    ::curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
    const auto [code, why, hint] = reason_of_status(status);
    throw Error(code,
                "can't fetch " + where() + ": " + why + " (HTTP " + std::to_string(status) + ")",
                hint);
  }

  Reason reason_of_status(long status) const {
    const bool given = !wanted_.user.empty() || !wanted_.password.empty();
    switch (status) {
      case 401:
      case 403:
        return {Errc::denied,
                given ? "the server refuses the credentials" : "the server wants credentials",
                "give them in the URL: https://USER:TOKEN@HOST/..."};
      case 404:
      case 410:
        return {Errc::not_found, "nothing is there",
                given ? "" : "many servers say so, too, of what wants credentials"};
      case 429:
        return {Errc::unavailable, "the server is asked too often", "try again later"};
      default:
        return {Errc::unavailable,
                status >= 500 ? "the server has failed" : "the server refuses it"};
    }
  }

  const Download& wanted_;
  int out_;
  std::unique_ptr<CURL, Free> curl_;
  std::array<char, CURL_ERROR_SIZE> reason_{};
  std::uint64_t bytes_ = 0;
  std::string refused_;  ///< the address that is not public
  bool too_large_ = false;
  std::exception_ptr failure_;  ///< of the write callback
};

}  // namespace

std::uint64_t download(const Download& wanted, int out) {
  ::curl_global_init(CURL_GLOBAL_DEFAULT);
  return Transfer(wanted, out).run();
}

std::vector<std::string> addresses_of(const std::string& host, Reach reach) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int failure = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); failure != 0) {
    throw Error(Errc::unavailable, "no host " + host + " is known: " + ::gai_strerror(failure));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
  std::vector<std::string> addresses;
  std::string refused;
  for (const addrinfo* one = found; one; one = one->ai_next) {
    std::string address = text_of(*one->ai_addr);
    if (reach == Reach::internet && !is_public(*one->ai_addr)) {
      refused = std::move(address);
    } else if (std::ranges::find(addresses, address) == addresses.end()) {
      addresses.push_back(std::move(address));
    }
  }
  if (addresses.empty()) throw Error(not_public(host, refused));
  return addresses;
}

}  // namespace cooper::source::download
