#include "remote/server.h"

#include "base/file.h"
#include "base/text.h"
#include "model/json.h"
#include "model/json_values.h"
#include "source/url.h"
#include "store/layout.h"

#include <boost/json.hpp>

#include <sys/stat.h>

namespace cooper::remote {
namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

Error no_logins(const fs::path& file) {
  return {Errc::corrupt, file.string() + " is no file of logins",
          "remove it, and log in again: cooper login URL"};
}

bool has_own_root(const Variables& variable) {
  if (!variable("COOPER_ROOT").empty() || !variable("DOKKU_LIB_ROOT").empty()) return true;
  std::error_code failure;
  return fs::exists(store::default_layout().root(), failure);
}

}  // namespace

Result<Server> parse_server(std::string_view text) {
  const auto url = source::parse_source_url(text);
  const bool is_http = url && (url->scheme == "https" || url->scheme == "http");
  const bool is_whole = is_http && (url->path.empty() || url->path == "/") && url->query.empty();
  const auto user = is_whole ? source::percent_decoded(url->user) : std::nullopt;
  const auto token = is_whole ? source::percent_decoded(url->password) : std::nullopt;
  if (!user || !token) {
    return Error(Errc::invalid, "that is no URL of a server",
                 "expected https://HOST[:PORT], or https://USER:TOKEN@HOST[:PORT]");
  }
  Server server{.url = url->scheme + "://" + source::authority(*url), .token = *token};
  if (!user->empty()) server.user = *user;
  return server;
}

Result<std::string> parse_fingerprint(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c == ':') continue;
    digits += static_cast<char>(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
  }
  if (digits.size() != 64 || digits.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return Error(Errc::invalid, "that is no fingerprint",
                 "expected the SHA-256 that `cooper serve --tls-self-signed` prints: AB:CD:...");
  }
  return digits;
}

Logins::Content Logins::read() const {
  struct stat info {};
  if (::stat(file_.c_str(), &info) == 0 && (info.st_mode & 077) != 0) {
    throw Error(Errc::denied, "others can read the tokens in " + file_.string(),
                "chmod 600 " + file_.string());
  }
  const auto text = read_file(file_);
  if (!text) return {};
  boost::system::error_code failure;
  const json::value value = json::parse(*text, failure);
  const json::object* object = failure ? nullptr : value.if_object();
  const json::value* servers = object ? object->if_contains("servers") : nullptr;
  if (!servers || !servers->is_object()) throw no_logins(file_);
  Content content{.servers = {}, .current = text_in(*object, "current")};
  for (const auto& [url, each] : servers->get_object()) {
    auto server = parse_server(std::string_view(url.data(), url.size()));
    if (!server || !each.is_object()) throw no_logins(file_);
    server->user = text_in(each.get_object(), "user");
    server->token = text_in(each.get_object(), "token");
    server->fingerprint = text_in(each.get_object(), "fingerprint");
    content.servers.emplace(server->url, *server);
  }
  return content;
}

void Logins::write(const Content& content) const {
  json::object servers;
  for (const auto& [url, server] : content.servers) {
    json::object one{{"user", server.user}, {"token", server.token}};
    if (!server.fingerprint.empty()) one["fingerprint"] = server.fingerprint;
    servers[url] = std::move(one);
  }
  make_folders(file_.parent_path(), 0700);
  write_file_durably(
      file_, pretty(json::object{{"current", content.current}, {"servers", std::move(servers)}}),
      0600);
}

std::map<std::string, Server> Logins::all() const { return read().servers; }

std::optional<Server> Logins::current() const {
  const Content content = read();
  const auto found = content.servers.find(content.current);
  return found == content.servers.end() ? std::nullopt : std::optional(found->second);
}

void Logins::add(const Server& server) const {
  Content content = read();
  content.servers[server.url] = server;
  content.current = server.url;
  write(content);
}

bool Logins::remove(const std::string& url) const {
  Content content = read();
  if (content.servers.erase(url) == 0) return false;
  if (content.current == url) content.current.clear();
  write(content);
  return true;
}

fs::path logins_file(const Variables& variable) {
  if (const std::string config = variable("XDG_CONFIG_HOME"); config.starts_with('/')) {
    return fs::path(config) / "cooper/logins.json";
  }
  if (const std::string home = variable("HOME"); home.starts_with('/')) {
    return fs::path(home) / ".config/cooper/logins.json";
  }
  throw Error(Errc::invalid, "can't tell where your logins are", "set HOME");
}

std::optional<Choice> choose_server(const Variables& variable) {
  if (const std::string url = variable("COOPER_URL"); !url.empty()) {
    const auto named = parse_server(url);
    if (!named) throw Error(named.error()).while_doing("COOPER_URL");
    Choice choice{.server = *named, .by_url = true};
    const bool may_have_logins = !variable("HOME").empty() || !variable("XDG_CONFIG_HOME").empty();
    if (!may_have_logins) return choice;
    const auto known = Logins(logins_file(variable)).all();
    if (const auto found = known.find(choice.server.url); found != known.end()) {
      choice.server.fingerprint = found->second.fingerprint;
      if (choice.server.token.empty()) choice.server = found->second;
    }
    return choice;
  }
  if (variable("HOME").empty() && variable("XDG_CONFIG_HOME").empty()) return std::nullopt;
  if (has_own_root(variable)) return std::nullopt;
  auto current = Logins(logins_file(variable)).current();
  if (!current) return std::nullopt;
  return Choice{.server = *std::move(current)};
}

}  // namespace cooper::remote
