// HttpClient, by libcurl.

#include "remote/http_client.h"

#include "base/fd.h"
#include "base/sha256.h"
#include "base/text.h"

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <curl/curl.h>
#include <exception>
#include <mutex>
#include <unistd.h>

namespace cooper::remote {

namespace {

/// For a server, or what is before it, that does not say whether it wants a body.
constexpr std::chrono::duration<long, std::milli> kLongestWord{5000};
constexpr std::size_t kMostBody = std::size_t{256} << 20;  // of an answer in memory

struct FreeCurl {
  void operator()(CURL* curl) const { ::curl_easy_cleanup(curl); }
};
using Curl = std::unique_ptr<CURL, FreeCurl>;

struct FreeList {
  void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, FreeList>;

std::string fingerprint_of(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = ::i2d_X509(certificate, &der);
  if (size <= 0) return {};
  std::string digits =
      hex(sha256({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)}));
  OPENSSL_free(der);
  return digits;
}

/// On a connection that has died meanwhile libcurl sends a request once more by itself. A file with
/// a key should not: whoever sends it again asks first whether it is wanted.
bool may_come_twice(const HttpRequest& request) {
  const std::string& method = request.method;
  const bool has_key = std::ranges::find(request.headers, kIdempotencyKey, [](const auto& one) {
                         return one.first;
                       }) != request.headers.end();
  return method == "GET" || method == "HEAD" || method == "PUT" || (has_key && request.file < 0);
}

/// One request on its way, and what its callbacks have to say.
class Exchange {
 public:
  Exchange(CURL* curl, const Server& server, const HttpRequest& request,
           std::chrono::seconds connect)
      : curl_(curl), server_(server), request_(request) {
    ::curl_easy_reset(curl_);  // connections stay
    set_up(connect);
  }

  Result<HttpAnswer> run() {
    const CURLcode result = ::curl_easy_perform(curl_);
    if (failure_) std::rethrow_exception(failure_);
    if (request_.stop.stop_requested() && result != CURLE_OK) {
      throw Error(Errc::canceled, "canceled");
    }
    if (result != CURLE_OK) return failed(result);
    long status = 0;
    ::curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
    answer_.status = static_cast<unsigned>(status);
    answer_.type = std::string(answer_.header("content-type"));
    answer_.type = answer_.type.substr(0, answer_.type.find(';'));
    return std::move(answer_);
  }

 private:
  template <class Value>
  void set(CURLoption option, Value value) {
    const CURLcode result = ::curl_easy_setopt(curl_, option, value);
    if (result != CURLE_OK) {
      throw Error(Errc::internal, std::string("libcurl: ") + ::curl_easy_strerror(result));
    }
  }

  void set_up(std::chrono::seconds connect) {
    url_ = server_.url + request_.path;
    set(CURLOPT_URL, url_.c_str());
    set(CURLOPT_PROTOCOLS_STR, "https,http");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    set(CURLOPT_USERNAME, server_.user.c_str());
    // A server without tokens wants some credentials all the same.
    set(CURLOPT_PASSWORD, server_.token.empty() ? "none" : server_.token.c_str());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(connect.count()));
    if (!may_come_twice(request_)) set(CURLOPT_FRESH_CONNECT, 1L);
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_TCP_KEEPIDLE, 30L);
    set(CURLOPT_TCP_KEEPINTVL, 10L);
    if (request_.silence.count() > 0) {
      set(CURLOPT_LOW_SPEED_LIMIT, 1L);
      set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(request_.silence.count()));
    }
    set(CURLOPT_USERAGENT, "cooper");
    set(CURLOPT_ERRORBUFFER, reason_.data());
    set(CURLOPT_WRITEFUNCTION, write);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_HEADERFUNCTION, take_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, look);
    set(CURLOPT_XFERINFODATA, this);
    set_up_tls();
    set_up_body();
    for (const auto& [name, value] : request_.headers) add_header(name + ": " + value);
    if (headers_) set(CURLOPT_HTTPHEADER, headers_.get());
  }

  void set_up_tls() {
    // As OpenSSL itself and the curl program take it.
    if (const char* file = std::getenv("SSL_CERT_FILE")) set(CURLOPT_CAINFO, file);
    if (server_.fingerprint.empty()) return;
    set(CURLOPT_SSL_VERIFYHOST, 0L);  // whatever it calls itself: it is that very certificate
    set(CURLOPT_SSL_CTX_FUNCTION, pin);
    set(CURLOPT_SSL_CTX_DATA, this);
  }

  void set_up_body() {
    const std::string& method = request_.method;
    if (!request_.type.empty()) add_header("Content-Type: " + request_.type);
    if (request_.asks_to_send) {
      add_header("Expect: 100-continue");
      set(CURLOPT_EXPECT_100_TIMEOUT_MS, kLongestWord.count());
    } else {
      add_header("Expect:");  // no wait for a word that few servers say
    }
    if (request_.file >= 0 || request_.stream >= 0) {
      set(CURLOPT_UPLOAD, 1L);
      set(CURLOPT_READFUNCTION, read_body);
      set(CURLOPT_READDATA, this);
      set(CURLOPT_SEEKFUNCTION, seek_body);
      set(CURLOPT_SEEKDATA, this);
      if (request_.file >= 0) {
        set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request_.bytes));
      }
    } else if (!request_.body.empty() || method == "POST" || method == "PUT") {
      set(CURLOPT_POST, 1L);
      set(CURLOPT_POSTFIELDS, request_.body.c_str());
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    } else if (method == "GET") {
      set(CURLOPT_HTTPGET, 1L);
    } else if (method == "HEAD") {
      set(CURLOPT_NOBODY, 1L);
    }
    if (method != "GET" && method != "HEAD") set(CURLOPT_CUSTOMREQUEST, method.c_str());
  }

  void add_header(const std::string& line) {
    curl_slist* const longer = ::curl_slist_append(headers_.get(), line.c_str());
    if (!longer) throw Error(Errc::unavailable, "there is no memory for a request");
    (void)headers_.release();
    headers_.reset(longer);
  }

  static CURLcode pin(CURL* /*curl*/, void* context, void* self) {
    ::SSL_CTX_set_cert_verify_callback(static_cast<SSL_CTX*>(context), is_pinned, self);
    return CURLE_OK;
  }

  static int is_pinned(X509_STORE_CTX* store, void* self) {
    auto* const me = static_cast<Exchange*>(self);
    X509* const certificate = ::X509_STORE_CTX_get0_cert(store);
    me->seen_ = certificate ? fingerprint_of(certificate) : "";
    const bool same = me->seen_ == me->server_.fingerprint;
    ::X509_STORE_CTX_set_error(store, same ? X509_V_OK : X509_V_ERR_CERT_REJECTED);
    return same ? 1 : 0;
  }

  static int look(void* self, curl_off_t /*all*/, curl_off_t /*got*/, curl_off_t /*whole*/,
                  curl_off_t sent) {
    auto* const me = static_cast<Exchange*>(self);
    if (me->request_.sent) me->request_.sent(static_cast<std::uint64_t>(sent));
    return me->request_.stop.stop_requested() ? 1 : 0;
  }

  /// Runs what may throw: that must not fly through C; run() throws it on.
  template <class Work>
  bool guarded(const Work& work) {
    try {
      work();
      return true;
    } catch (...) {  // adapter: see above
      failure_ = std::current_exception();
      return false;
    }
  }

  static std::size_t write(char* bytes, std::size_t /*one*/, std::size_t count, void* self) {
    auto* const me = static_cast<Exchange*>(self);
    const bool done = me->guarded([&] { me->take(std::string_view(bytes, count)); });
    return done ? count : CURL_WRITEFUNC_ERROR;
  }

  void take(std::string_view bytes) {
    long status = 0;
    ::curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
    if (request_.sink && status < 400) return request_.sink(bytes);
    if (answer_.body.size() + bytes.size() > kMostBody) {
      throw Error(Errc::unavailable,
                  "the server's answer is larger than " + human_bytes(kMostBody));
    }
    answer_.body += bytes;
  }

  static std::size_t take_header(char* bytes, std::size_t /*one*/, std::size_t count, void* self) {
    auto* const me = static_cast<Exchange*>(self);
    const std::string_view line = trim(std::string_view(bytes, count));
    if (line.starts_with("HTTP/")) me->answer_.headers.clear();
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return count;
    std::string name(line.substr(0, colon));
    std::ranges::transform(name, name.begin(), [](char c) {
      return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    });
    me->answer_.headers.emplace_back(std::move(name), trim(line.substr(colon + 1)));
    return count;
  }

  static std::size_t read_body(char* buffer, std::size_t /*one*/, std::size_t size, void* self) {
    auto* const me = static_cast<Exchange*>(self);
    ssize_t got = 0;
    const bool done = me->guarded([&] { got = me->read_some_body({buffer, size}); });
    return done ? static_cast<std::size_t>(got) : CURL_READFUNC_ABORT;
  }

  ssize_t read_some_body(std::span<char> buffer) {
    if (request_.stream >= 0) return read_some(request_.stream, buffer);
    const std::size_t most = std::min<std::uint64_t>(buffer.size(), request_.bytes - read_);
    if (most == 0) return 0;
    ssize_t n;
    do {
      n = ::pread(request_.file, buffer.data(), most, static_cast<off_t>(request_.offset + read_));
    } while (n < 0 && errno == EINTR);
    if (n < 0) throw_errno("read what is sent");
    if (n == 0) throw Error(Errc::conflict, "a file became shorter while it was sent");
    read_ += static_cast<std::uint64_t>(n);
    return n;
  }

  /// libcurl sends again what went into a connection that was closed already.
  static int seek_body(void* self, curl_off_t offset, int origin) {
    auto* const me = static_cast<Exchange*>(self);
    if (origin != SEEK_SET || me->request_.file < 0) return CURL_SEEKFUNC_CANTSEEK;
    me->read_ = static_cast<std::uint64_t>(offset);
    return CURL_SEEKFUNC_OK;
  }

  Error failed(CURLcode result) const {
    const std::string& at = server_.url;
    switch (static_cast<int>(result)) {
      case CURLE_COULDNT_RESOLVE_HOST:
        return {Errc::unavailable, "can't reach " + at + ": no host of that name is known"};
      case CURLE_COULDNT_CONNECT:
        return {Errc::unavailable, "can't reach " + at + ": nothing answers there",
                "is the server running? On its host: cooper serve"};
      case CURLE_PEER_FAILED_VERIFICATION:
        throw untrusted();
      case CURLE_SSL_CONNECT_ERROR:
        if (!server_.fingerprint.empty() && !seen_.empty() && seen_ != server_.fingerprint) {
          throw untrusted();
        }
        return {Errc::unavailable, "can't speak TLS with " + at + ": " + details(),
                "is it http:// there?"};
      case CURLE_OPERATION_TIMEDOUT:
        return {Errc::unavailable, "can't reach " + at + ": it takes too long to answer"};
      case CURLE_UNSUPPORTED_PROTOCOL:
      case CURLE_WEIRD_SERVER_REPLY:
        return {Errc::unavailable, at + " does not speak HTTP", "is it https:// there?"};
      default:
        return {Errc::unavailable, "the connection to " + at + " was lost: " + details()};
    }
  }

  Error untrusted() const {
    if (server_.fingerprint.empty()) {
      return {Errc::denied, "the certificate of " + server_.url + " can't be trusted: " + details(),
              "one that signs itself is trusted by its fingerprint, which the server prints when "
              "it starts: cooper login URL --fingerprint AB:CD:..."};
    }
    return {Errc::denied, "the certificate of " + server_.url + " is another than at the login",
            "if it was made anew, log in again: cooper login " + server_.url +
                " --fingerprint AB:CD:..."};
  }

  std::string details() const { return shorten(printable(trim(reason_.data())), 200); }

  CURL* curl_;
  const Server& server_;
  const HttpRequest& request_;
  std::string url_;
  List headers_;
  HttpAnswer answer_;
  std::array<char, CURL_ERROR_SIZE> reason_{};
  std::uint64_t read_ = 0;  ///< of the body
  std::string seen_;        ///< the fingerprint of the certificate that was shown
  std::exception_ptr failure_;
};

}  // namespace

std::string_view HttpAnswer::header(std::string_view name) const {
  const auto found = std::ranges::find(headers, name, [](const auto& one) { return one.first; });
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

/// Idle handles, each with its connection.
class HttpClient::Connections {
 public:
  Curl take() {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      Curl curl = std::move(idle_.back());
      idle_.pop_back();
      return curl;
    }
    Curl curl(::curl_easy_init());
    if (!curl) throw Error(Errc::unavailable, "libcurl can't be used");
    return curl;
  }
  void give_back(Curl curl) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(curl));
  }

 private:
  std::mutex mutex_;
  std::vector<Curl> idle_;
};

HttpClient::HttpClient(Server server, std::chrono::seconds connect)
    : server_(std::move(server)), connect_(connect), connections_(std::make_unique<Connections>()) {
  ::curl_global_init(CURL_GLOBAL_DEFAULT);
}

HttpClient::~HttpClient() = default;

Result<HttpAnswer> HttpClient::send(const HttpRequest& request) {
  Curl curl = connections_->take();
  auto answer = Exchange(curl.get(), server_, request, connect_).run();
  long sent = 0;
  ::curl_easy_getinfo(curl.get(), CURLINFO_REQUEST_SIZE, &sent);
  if (answer || sent > 0) was_reached_ = true;
  if (!answer) return answer;
  connections_->give_back(std::move(curl));
  return answer;
}

}  // namespace cooper::remote
