#pragma once
// Which server a command speaks to, and as whom.

#include "base/error.h"

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace cooper::remote {

/// A server that answers over HTTP, and what it lets us in by.
struct Server {
  std::string url;  ///< "https://build.example.com:5443": no credentials, no path
  std::string user = "cooper";
  std::string token;        ///< empty: none is known
  std::string fingerprint;  ///< SHA-256 of its certificate, 64 hex; empty: by who signed it
};

/// `https://[user:token@]host[:port]`, or http. Error{invalid}; it repeats no credentials.
[[nodiscard]] Result<Server> parse_server(std::string_view text);

/// "AB:CD:...", or the digits alone, as 64 lower-case digits. Error{invalid}.
[[nodiscard]] Result<std::string> parse_fingerprint(std::string_view text);

/// What `cooper login` has stored: one file of the user's (docs/formats.md), 0600.
class Logins {
 public:
  explicit Logins(std::filesystem::path file) : file_(std::move(file)) {}

  /// Those that are stored, by URL. Error{denied} for a file that others can read, Error{corrupt}
  /// for what is none.
  std::map<std::string, Server> all() const;
  /// That of the last login, if it is stored.
  std::optional<Server> current() const;
  /// Stores it durably, in place of one for the same URL, and makes it the current one.
  void add(const Server& server) const;
  /// False if there was none.
  bool remove(const std::string& url) const;

 private:
  struct Content {
    std::map<std::string, Server> servers;
    std::string current;
  };
  Content read() const;
  void write(const Content& content) const;

  std::filesystem::path file_;
};

/// A variable of the environment; empty if unset.
using Variables = std::function<std::string(const char* name)>;

/// $XDG_CONFIG_HOME or ~/.config, and the file's name. Error{invalid} if neither can be told.
std::filesystem::path logins_file(const Variables& variable);

/// Where a command works.
struct Choice {
  Server server;
  bool by_url = false;  ///< $COOPER_URL names it; else the last login
};

/// $COOPER_URL, with the token of a login to that URL if it has none. Without it the last login,
/// where this host has no data root of its own and none is named. nullopt: this host. Throws Error.
std::optional<Choice> choose_server(const Variables& variable);

}  // namespace cooper::remote
