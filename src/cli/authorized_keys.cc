#include "cli/authorized_keys.h"

#include "base/ascii.h"
#include "base/base64.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "rack/app_repository.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>

namespace cooper::cli {
namespace fs = std::filesystem;

namespace {

bool is_key_type(std::string_view word) {
  return std::ranges::any_of(std::array<std::string_view, 3>{"ssh-", "ecdsa-", "sk-"},
                             [&](std::string_view prefix) { return word.starts_with(prefix); }) &&
         is_made_of_letters(word, "-.@");
}

/// Takes the first word off, and the white space after it.
std::string_view take_word(std::string_view& text) {
  const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end);
  text = trim(text);
  return word;
}

/// Where the options of a line end, as sshd sees it: at a space outside of quotes.
std::size_t end_of_options(std::string_view line) {
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '"') {
      ++i;
    } else if (line[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && (line[i] == ' ' || line[i] == '\t')) {
      return i;
    }
  }
  return line.size();
}

constexpr std::string_view kOptionsBegin = "command=\"/usr/bin/env COOPER_ROOT=";
constexpr std::string_view kBeforeName = " git-shell ";
constexpr std::string_view kOptionsEnd = "\",restrict";

/// The name in options that authorized_line() wrote; empty if it did not.
std::string name_in(std::string_view options) {
  if (!options.starts_with(kOptionsBegin) || !options.ends_with(kOptionsEnd)) return {};
  options.remove_suffix(kOptionsEnd.size());
  const std::size_t before = options.rfind(kBeforeName);
  if (before == std::string_view::npos) return {};
  const std::string_view name = options.substr(before + kBeforeName.size());
  return is_key_name(name) ? std::string(name) : std::string();
}

std::optional<PublicKey> key_in(std::string_view text) {
  const std::string_view type = take_word(text);
  const std::string_view blob = take_word(text);
  const auto bytes = from_base64(blob);
  if (!is_key_type(type) || !bytes || bytes->empty()) return std::nullopt;
  return PublicKey{std::string(type), std::string(blob)};
}

/// The path of the file itself, whatever links lead to it.
fs::path resolved(const fs::path& file) {
  std::error_code failed;
  const fs::path path = fs::weakly_canonical(fs::absolute(file), failed);
  return failed ? fs::absolute(file).lexically_normal() : path;
}

/// Held while the file is changed.
Fd lock_folder(const fs::path& folder) {
  Fd fd = open_file(folder, O_RDONLY | O_DIRECTORY);
  while (::flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) throw_errno("lock " + folder.string());
  }
  return fd;
}

constexpr mode_t kFileMode = 0600;
constexpr mode_t kFolderMode = 0700;

}  // namespace

std::string fingerprint(const PublicKey& key) {
  const Sha256Digest digest = sha256(from_base64(key.blob).value_or(""));
  std::string text = to_base64({reinterpret_cast<const char*>(digest.data()), digest.size()});
  while (text.ends_with('=')) text.pop_back();
  return "SHA256:" + text;
}

Result<PublicKey> parse_public_key(std::string_view text) {
  const Error expected(Errc::invalid, "this is no public key",
                       "give the .pub file, one line such as: ssh-ed25519 AAAA... you@host");
  if (text.find("PRIVATE KEY") != std::string_view::npos) {
    return Error(Errc::invalid, "this is a private key, which nobody but you should have",
                 "give the .pub file beside it");
  }
  std::optional<PublicKey> key;
  for (std::string_view line : split(text, '\n')) {
    line = trim(line);
    if (line.empty() || line.starts_with('#')) continue;
    if (key) return Error(Errc::invalid, "this is more than one key", "add each with its own name");
    key = key_in(line);
    if (!key) return expected;
  }
  if (!key) return expected;
  return *key;
}

bool is_key_name(std::string_view text) {
  constexpr std::size_t kLongest = 64;
  return !text.empty() && text.size() <= kLongest && is_letter_or_digit(text[0]) &&
         is_made_of_letters(text, "._-@");
}

std::optional<AuthorizedKey> parse_authorized_line(std::string_view line) {
  line = trim(line);
  if (line.empty() || line.starts_with('#')) return std::nullopt;
  if (auto key = key_in(line)) return AuthorizedKey{"", *std::move(key)};
  const std::size_t end = end_of_options(line);
  auto key = key_in(trim(line.substr(end)));
  if (!key) return std::nullopt;
  return AuthorizedKey{name_in(line.substr(0, end)), *std::move(key)};
}

std::string authorized_line(const std::string& name, const PublicKey& key, const fs::path& program,
                            const fs::path& root) {
  // For the login shell, whichever it is: a word in single quotes is the same to all.
  const std::string command = "/usr/bin/env COOPER_ROOT=" + rack::shell_quoted(root.string()) +
                              " " + rack::shell_quoted(program.string()) +
                              std::string(kBeforeName) + name;
  // sshd ends the option there.
  if (command.find_first_of("\"\n\r") != std::string::npos) {
    throw Error(Errc::invalid,
                "a path with double quotes or line breaks can't stand in authorized_keys",
                "use another data root");
  }
  return "command=\"" + command + std::string(kOptionsEnd) + " " + key.type + " " + key.blob + " " +
         name;
}

AuthorizedKeys::AuthorizedKeys(const fs::path& file) : file_(resolved(file)) {}

std::string AuthorizedKeys::read() const {
  const Fd file = find_regular_file(file_, O_RDONLY);
  return file ? read_open_file(file, file_.string(), std::size_t{16} << 20) : "";
}

std::vector<AuthorizedKey> AuthorizedKeys::list() const {
  std::vector<AuthorizedKey> keys;
  const std::string text = read();
  for (const std::string_view line : split(text, '\n')) {
    auto key = parse_authorized_line(line);
    if (key && !key->name.empty()) keys.push_back(*std::move(key));
  }
  return keys;
}

void AuthorizedKeys::add(const std::string& name, const PublicKey& key, const std::string& line) {
  make_folders(file_.parent_path(), kFolderMode);
  const Fd folder = lock_folder(file_.parent_path());
  std::string text = read();
  for (const std::string_view other : split(text, '\n')) {
    const auto there = parse_authorized_line(other);
    if (!there) continue;
    if (there->name == name) {
      throw Error(Errc::conflict, "there is a key " + name + " already: " + fingerprint(there->key),
                  "remove it first: cooper ssh-keys remove " + name);
    }
    if (there->key.blob != key.blob) continue;
    if (!there->name.empty()) {
      throw Error(Errc::conflict, "this key is there already, as " + there->name);
    }
    throw Error(Errc::conflict,
                file_.string() + " has this key already, in a line that is not cooper's",
                "that line counts, and lets its owner do more than push: remove it first, or use "
                "another key");
  }
  if (!text.empty() && !text.ends_with('\n')) text += '\n';
  write_file_durably(file_, text + line + "\n", kFileMode);
}

void AuthorizedKeys::remove(const std::string& name) {
  const auto no_such_key = [&name] {
    return Error(Errc::not_found, "there is no key " + shorten(printable(name), 80),
                 "`cooper ssh-keys list` shows them");
  };
  if (!fs::exists(file_.parent_path())) throw no_such_key();
  const Fd folder = lock_folder(file_.parent_path());
  const std::string text = read();
  std::string kept;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    const std::string_view line = std::string_view(text).substr(at, end - at);
    const auto key = parse_authorized_line(line);
    if (!key || key->name != name) kept += line;
    at = end;
  }
  if (kept.size() == text.size()) throw no_such_key();
  write_file_durably(file_, kept, kFileMode);
}

}  // namespace cooper::cli
