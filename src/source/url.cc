#include "source/url.h"

#include "base/ascii.h"
#include "base/text.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <filesystem>
#include <netinet/in.h>
#include <optional>
#include <utility>

namespace cooper::source {
namespace {

constexpr std::size_t kMostBytes = 4096;

struct Scheme {
  std::string_view name;
  std::uint16_t port;
};
constexpr std::array kSchemes = {Scheme{"https", 443}, Scheme{"http", 80}, Scheme{"ssh", 22},
                                 Scheme{"git", 9418}, Scheme{"file", 0}};

Error bad_url(const std::string& why,
              const std::string& hint = "for example https://git.example/team/app.git") {
  return {Errc::invalid, "this is no URL that source can come from: " + why, hint};
}

/// Printable ASCII without what programs disagree about.
bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return c > ' ' && c < 0x7f && c != '\\' && c != '"' && c != '<' && c != '>' && c != '`';
  });
}

bool is_host_name(std::string_view host) {
  return !host.empty() && host.size() <= 253 && is_letter_or_digit(host[0]) &&
         is_made_of_letters(host, "-._");
}

/// Numbers that are no address in the usual form: 2130706433, 0177.0.0.1, 127.1, 0x7f000001.
bool is_odd_number(std::string_view host) {
  const std::string_view last =
      host.substr(host.substr(0, host.size() - (host.ends_with('.') ? 1 : 0)).rfind('.') + 1);
  const bool is_number = last.starts_with("0x") || last.starts_with("0X") ||
                         std::ranges::all_of(last, [](char c) { return is_digit(c) || c == '.'; });
  in_addr address{};
  return is_number && ::inet_pton(AF_INET, std::string(host).c_str(), &address) != 1;
}

bool is_address6(const std::string& text) {
  in6_addr address{};
  return ::inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

/// git hands a user on to ssh, decoded: no option may become of it.
bool is_credential(std::string_view text) {
  const auto decoded = percent_decoded(text);
  return decoded && !decoded->starts_with('-') && is_plain(text) &&
         text.find('?') == std::string_view::npos;
}

/// What is before the first slash may be `USER:` and the begin of a password that has a slash: a
/// host and its port look the same.
bool may_be_credentials(std::string_view authority) {
  return !authority.starts_with('[') && authority.find(':') != std::string_view::npos &&
         authority.find('@') == std::string_view::npos;
}

/// USER[:PASSWORD]@, if it is there; what follows stays.
bool take_credentials(std::string_view& authority, SourceUrl& url) {
  const std::size_t at = authority.rfind('@');
  if (at == std::string_view::npos) return true;
  const std::string_view both = authority.substr(0, at);
  authority.remove_prefix(at + 1);
  const std::size_t colon = both.find(':');
  url.user = both.substr(0, colon);
  if (colon != std::string_view::npos) url.password = both.substr(colon + 1);
  return is_credential(url.user) && is_credential(url.password) &&
         url.user.find('@') == std::string::npos && url.password.find('@') == std::string::npos;
}

std::optional<Error> take_host(std::string_view host, SourceUrl& url) {
  if (host.starts_with('[') && host.ends_with(']')) {
    url.host = host.substr(1, host.size() - 2);
    if (!is_address6(url.host)) return bad_url("its host is no IPv6 address");
    return std::nullopt;
  }
  if (!is_host_name(host))
    return bad_url(host.empty() ? "it names no host" : "its host is no name");
  if (is_odd_number(host)) return bad_url("its host is a number", "write an address as 192.0.2.1");
  url.host = host;
  return std::nullopt;
}

std::optional<Error> take_authority(std::string_view authority, SourceUrl& url) {
  if (!take_credentials(authority, url)) {
    return bad_url("its user or password can't be read", "write other characters as %40");
  }
  const std::size_t colon = authority.rfind(':');
  if (colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos) {
    const auto port = parse_number(authority.substr(colon + 1));
    if (!port || *port == 0 || *port > 65535) return bad_url("its port is none");
    url.port = static_cast<std::uint16_t>(*port);
    authority = authority.substr(0, colon);
  }
  return take_host(authority, url);
}

Result<SourceUrl> parse_with_scheme(const Scheme& scheme, std::string_view text) {
  const std::string_view rest = text.substr(0, text.find('#'));
  SourceUrl url{.scheme = std::string(scheme.name), .port = scheme.port};
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  const std::string_view path = rest.substr(slash);
  if (scheme.port == 0) {
    if (slash != 0) return bad_url("a file's has no host", "write file:///path");
    url.path = path;
    return url;
  }
  const std::string_view authority = rest.substr(0, slash);
  if (may_be_credentials(authority) && text.find('@', slash) != std::string_view::npos) {
    return bad_url("a '@' comes after its host and port, or its password holds a '/' or '#'",
                   "write them as %40, %2F and %23");
  }
  if (auto error = take_authority(authority, url)) return *std::move(error);
  const std::size_t question = std::min(path.find('?'), path.size());
  url.path = path.substr(0, question);
  url.query = path.substr(question);
  if (url.path.empty()) url.path = "/";
  return url;
}

/// `[USER@]HOST:PATH`, as scp and git take it.
std::optional<SourceUrl> parse_scp_form(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos ||
      text.substr(0, colon).find('/') != std::string_view::npos) {
    return std::nullopt;
  }
  SourceUrl url{.scheme = "ssh", .port = 22, .path = std::string(text.substr(colon + 1))};
  std::string_view host = text.substr(0, colon);
  if (!take_credentials(host, url) || !url.password.empty() || take_host(host, url)) {
    return std::nullopt;
  }
  if (url.path.empty() || url.path.starts_with('-') || url.path.starts_with(':')) {
    return std::nullopt;
  }
  return url;
}

std::uint16_t usual_port(const SourceUrl& url) {
  return std::ranges::find(kSchemes, url.scheme, &Scheme::name)->port;
}

std::string with(const SourceUrl& url, const std::string& credentials, const std::string& query) {
  if (url.scheme == "file") return "file://" + url.path;
  const std::string before = credentials.empty() ? "" : credentials + "@";
  if (!url.path.starts_with('/')) return before + url.host + ":" + url.path;
  return url.scheme + "://" + before + authority(url) + url.path + query;
}

}  // namespace

Result<SourceUrl> parse_source_url(std::string_view text) {
  if (text.empty()) return bad_url("it is empty");
  if (text.size() > kMostBytes) return bad_url("it is too long");
  if (text.starts_with('-')) return bad_url("it begins with a dash");
  if (!is_plain(text)) {
    return bad_url("it holds blanks or characters that are not ASCII", "write them as %20");
  }
  const std::string_view bare = text.substr(0, text.find('#'));
  if (bare.starts_with('/')) return SourceUrl{.scheme = "file", .path = std::string(bare)};
  const std::size_t mark = bare.find("://");
  if (mark == std::string_view::npos) {
    if (auto url = parse_scp_form(bare)) return *std::move(url);
    return bad_url("it has no scheme",
                   "for example https://git.example/team/app.git; a folder of this host by its "
                   "absolute path");
  }
  const std::string name = lowered(text.substr(0, mark));
  const auto scheme = std::ranges::find(kSchemes, name, &Scheme::name);
  if (scheme == kSchemes.end()) {
    return bad_url("its scheme is " + shorten(printable(name), 20),
                   "there are https, http, ssh, git and file");
  }
  return parse_with_scheme(*scheme, text.substr(mark + 3));
}

std::string text_of(const SourceUrl& url) {
  return with(url, url.password.empty() ? url.user : url.user + ":" + url.password, url.query);
}

std::string without_credentials(const SourceUrl& url) {
  return with(url, url.scheme == "ssh" ? url.user : "", url.query);
}

std::string shown(const SourceUrl& url) { return with(url, "", ""); }

std::string hide_credentials(std::string_view text) {
  const std::size_t mark = text.find("://");
  if (mark == std::string_view::npos) return std::string(text);
  const std::string_view rest = text.substr(mark + 3);
  const std::string_view authority = rest.substr(0, rest.find('/'));
  const std::size_t at = (may_be_credentials(authority) ? rest : authority).rfind('@');
  const bool is_user =
      text.substr(0, mark) == "ssh" && rest.substr(0, at).find(':') == std::string_view::npos;
  if (at == std::string_view::npos || is_user) return std::string(text);
  return std::string(text.substr(0, mark + 3)) + "(hidden)" + std::string(rest.substr(at));
}

void lend_credentials(const SourceUrl& from, SourceUrl& url) {
  const bool is_http = url.scheme == "https" || url.scheme == "http";
  if (!is_http || url.scheme != from.scheme || url.host != from.host || url.port != from.port ||
      !url.user.empty() || !url.password.empty()) {
    return;
  }
  url.user = from.user;
  url.password = from.password;
}

std::string authority(const SourceUrl& url) {
  const std::string host =
      url.host.find(':') == std::string::npos ? url.host : "[" + url.host + "]";
  return url.port == usual_port(url) ? host : host + ":" + std::to_string(url.port);
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const auto byte = percent_byte(text.substr(i));
      if (!byte) return std::nullopt;
      c = *byte;
      i += 2;
    }
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) return std::nullopt;
    decoded += c;
  }
  return decoded;
}

}  // namespace cooper::source
