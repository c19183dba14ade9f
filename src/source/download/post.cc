#include "source/download/post.h"

#include "base/error.h"
#include "base/text.h"
#include "source/address.h"

#include <array>
#include <cstdlib>
#include <curl/curl.h>
#include <memory>
#include <string>
#include <sys/socket.h>

namespace cooper::source::download {

namespace {

/// Remembers why it was refused.
curl_socket_t open_public(void* refused, curlsocktype /*purpose*/, curl_sockaddr* address) {
  if (!is_public(address->addr)) {
    *static_cast<std::string*>(refused) = text_of(address->addr);
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/// What the receiver answers is nobody's business but its status. More than a little ends it.
std::size_t forget(char* /*bytes*/, std::size_t /*one*/, std::size_t count, void* total) {
  constexpr std::size_t kMost = std::size_t{64} << 10;
  auto& sum = *static_cast<std::size_t*>(total);
  sum += count;
  return sum > kMost ? CURL_WRITEFUNC_ERROR : count;
}

std::string reason_of(CURLcode result, const char* details) {
  switch (static_cast<int>(result)) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return "no host of that name is known";
    case CURLE_COULDNT_CONNECT:
      return "the server can't be reached";
    case CURLE_OPERATION_TIMEDOUT:
      return "it takes too long";
    case CURLE_PEER_FAILED_VERIFICATION:
      return std::string("the server's certificate can't be trusted");
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
      return "the server ended the connection without an answer";
    default:
      return shorten(printable(trim(details)), 200);
  }
}

}  // namespace

unsigned post(const HttpPost& wanted) {
  ::curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, decltype(&::curl_easy_cleanup)> curl(::curl_easy_init(),
                                                                   ::curl_easy_cleanup);
  if (!curl) throw Error(Errc::unavailable, "libcurl can't be used");
  const auto set = [&](CURLoption option, auto value) {
    const CURLcode result = ::curl_easy_setopt(curl.get(), option, value);
    if (result != CURLE_OK) {
      throw Error(Errc::internal, std::string("libcurl: ") + ::curl_easy_strerror(result));
    }
  };
  curl_slist* lines = nullptr;
  for (const std::string& header : wanted.headers)
    lines = ::curl_slist_append(lines, header.c_str());
  lines = ::curl_slist_append(lines, "Expect:");
  const std::unique_ptr<curl_slist, decltype(&::curl_slist_free_all)> owner(lines,
                                                                            ::curl_slist_free_all);
  std::string refused;
  std::size_t answered = 0;
  std::array<char, CURL_ERROR_SIZE> details{};
  set(CURLOPT_URL, wanted.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_POST, 1L);
  set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(wanted.body.size()));
  set(CURLOPT_POSTFIELDS, wanted.body.data());
  set(CURLOPT_HTTPHEADER, lines);
  set(CURLOPT_FOLLOWLOCATION, 0L);
  if (wanted.reach == Reach::internet) {
    set(CURLOPT_PROXY, "");
    set(CURLOPT_OPENSOCKETFUNCTION, open_public);
    set(CURLOPT_OPENSOCKETDATA, &refused);
  }
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_TIMEOUT, static_cast<long>(wanted.time.count()));
  set(CURLOPT_USERAGENT, "cooper");
  set(CURLOPT_ERRORBUFFER, details.data());
  set(CURLOPT_WRITEFUNCTION, forget);
  set(CURLOPT_WRITEDATA, &answered);
  // As OpenSSL itself and the curl program take it.
  if (const char* file = std::getenv("SSL_CERT_FILE")) set(CURLOPT_CAINFO, file);
  const CURLcode result = ::curl_easy_perform(curl.get());
  if (!refused.empty()) {
    throw Error(Errc::denied, refused + " is no public address",
                "the property webhook-private allows such");
  }
  long status = 0;
  ::curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  // With a status, what was wrong later is of its body.
  if (result != CURLE_OK && status == 0) {
    throw Error(Errc::unavailable, reason_of(result, details.data()));
  }
  return static_cast<unsigned>(status);
}

}  // namespace cooper::source::download
