#include "cli/secret_flags.h"

#include "base/ascii.h"
#include "base/file.h"
#include "base/text.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string_view>
#include <sys/stat.h>
#include <system_error>

namespace cooper::cli {

namespace {

/// What BuildKit takes.
constexpr std::size_t kLargest = 500 * 1024;
constexpr const char* kSecretForm =
    "for example --secret id=npmrc,src=.npmrc or --secret id=token,env=TOKEN";
constexpr const char* kSshForm = "for example --ssh default or --ssh deploy=/run/agent.sock";

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= 128 && is_made_of_letters(text, "-_.");
}

/// An own copy: another thread might change the environment.
std::optional<std::string> variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value ? std::optional<std::string>(value) : std::nullopt;
}

Result<std::string> value_of(const std::string& what, const std::string& file,
                             const std::string& name) {
  std::optional<std::string> value;
  try {
    value = name.empty() ? read_file(file, kLargest) : variable(name);
  } catch (const Error& error) {  // adapter: a bad word of a command line
    return Error(Errc::invalid, what + error.message(), error.hint());
  }
  if (!value && name.empty()) {
    return Error(Errc::invalid, what + "there is no file " + printable(file));
  }
  if (!value) return Error(Errc::invalid, what + "the variable " + printable(name) + " is not set");
  if (value->size() > kLargest) {
    return Error(Errc::invalid, what + "larger than " + human_bytes(kLargest));
  }
  return *std::move(value);
}

Result<engine::Secret> parse_secret(const std::string& text) {
  std::string id;
  std::string file;
  std::string name;
  for (const std::string_view part : split(text, ',')) {
    const std::size_t equals = std::min(part.find('='), part.size());
    const std::string_view key = part.substr(0, equals);
    const std::string value(part.substr(std::min(equals + 1, part.size())));
    if (key == "id") {
      id = value;
    } else if (key == "src" || key == "source") {
      file = value;
    } else if (key == "env") {
      name = value;
    } else if (part != "type=file" && part != "type=env") {
      // The text may be a secret that was put in the wrong place: it is not repeated.
      return Error(Errc::invalid, "a value of --secret is neither id=, src= nor env=", kSecretForm);
    }
  }
  if (!is_id(id)) {
    return Error(Errc::invalid, "a --secret has no id of letters, digits, -, _ and .", kSecretForm);
  }
  if (file.empty() == name.empty()) {
    return Error(Errc::invalid, "--secret " + id + " needs either src=FILE or env=NAME",
                 kSecretForm);
  }
  Result<std::string> value = value_of("--secret " + id + ": ", file, name);
  if (!value) return value.error();
  return engine::Secret{.id = id, .value = *std::move(value)};
}

Result<engine::SshAgent> parse_agent(const std::string& text) {
  const std::size_t equals = std::min(text.find('='), text.size());
  const std::string id = text.substr(0, equals);
  if (!is_id(id)) {
    return Error(Errc::invalid, "a --ssh has no id of letters, digits, -, _ and .", kSshForm);
  }
  std::string socket = text.substr(std::min(equals + 1, text.size()));
  if (equals == text.size()) socket = variable("SSH_AUTH_SOCK").value_or("");
  if (socket.empty()) {
    return Error(Errc::invalid, "--ssh " + id + ": no agent: SSH_AUTH_SOCK is not set",
                 "start one: eval $(ssh-agent) && ssh-add");
  }
  struct stat facts {};
  if (::stat(socket.c_str(), &facts) != 0 || !S_ISSOCK(facts.st_mode) ||
      socket.find(',') != std::string::npos) {
    return Error(Errc::invalid,
                 "--ssh " + id + ": " + printable(socket) + " is not the socket of an agent",
                 "keys get into an agent with ssh-add");
  }
  std::error_code failure;
  const auto path = std::filesystem::absolute(socket, failure);
  if (failure) return Error(Errc::invalid, "--ssh " + id + ": " + failure.message());
  return engine::SshAgent{.id = id, .socket = path};
}

/// Parses each into `all`; an id that is there already is refused.
template <class T>
std::optional<Error> add_each(const std::vector<std::string>& texts, const std::string& flag,
                              Result<T> (*parse)(const std::string&), std::vector<T>& all) {
  for (const std::string& text : texts) {
    Result<T> one = parse(text);
    if (!one) return one.error();
    if (std::ranges::find(all, one->id, &T::id) != all.end()) {
      return Error(Errc::invalid, flag + " " + one->id + " is given twice");
    }
    all.push_back(*std::move(one));
  }
  return std::nullopt;
}

}  // namespace

Result<engine::BuildSecrets> read_build_secrets(const std::vector<std::string>& secrets,
                                                const std::vector<std::string>& agents) {
  engine::BuildSecrets all;
  if (auto wrong = add_each(secrets, "--secret", parse_secret, all.secrets)) return *wrong;
  if (auto wrong = add_each(agents, "--ssh", parse_agent, all.agents)) return *wrong;
  return all;
}

}  // namespace cooper::cli
