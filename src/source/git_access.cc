#include "source/git_access.h"

#include "base/base64.h"
#include "base/error.h"
#include "base/text.h"

#include <cstdlib>
#include <utility>

namespace cooper::source {
namespace {

bool is_http(const SourceUrl& url) { return url.scheme == "https" || url.scheme == "http"; }

std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

void pin_http(GitAccess& access, const SourceUrl& url, const std::vector<std::string>& addresses) {
  std::string all;
  for (const std::string& address : addresses) {
    if (!all.empty()) all += ',';
    all += bracketed(address);
  }
  // An address as the host is looked up by nobody.
  if (url.host.find(':') == std::string::npos && addresses[0] != url.host) {
    access.settings.push_back("http.curloptResolve=" + url.host + ":" + std::to_string(url.port) +
                              ":" + all);
  }
  access.settings.emplace_back("http.proxy=");
  access.settings.emplace_back("http.followRedirects=false");
}

/// For this host alone: submodules may be on others.
void add_credentials(GitAccess& access, const SourceUrl& url) {
  if (url.user.empty() && url.password.empty()) return;
  const std::string both =
      percent_decoded(url.user).value_or("") + ":" + percent_decoded(url.password).value_or("");
  access.environment.emplace_back("GIT_CONFIG_COUNT=1");
  access.environment.push_back("GIT_CONFIG_KEY_0=http." + url.scheme + "://" + authority(url) +
                               "/.extraHeader");
  access.environment.push_back("GIT_CONFIG_VALUE_0=Authorization: Basic " + to_base64(both));
}

/// What ssh is called with. git has a shell split it: host and addresses hold nothing that
/// means anything to one.
std::string ssh_command(const SourceUrl& url, const std::vector<std::string>& addresses) {
  const char* const ours = std::getenv("GIT_SSH_COMMAND");
  std::string command = ours && *ours ? ours : "ssh";
  command += " -o BatchMode=yes -o ConnectTimeout=30 -o ClearAllForwardings=yes";
  if (addresses.empty()) return command;
  // Host keys are known by name.
  const std::string alias =
      url.port == 22 ? url.host : "'[" + url.host + "]:" + std::to_string(url.port) + "'";
  return command + " -o HostName=" + addresses[0] + " -o HostKeyAlias=" + alias +
         " -o ProxyCommand=none -o ProxyJump=none";
}

}  // namespace

void GitAccess::apply(GitCommand& command) const {
  command.settings.insert(command.settings.end(), settings.begin(), settings.end());
  command.environment.insert(command.environment.end(), environment.begin(), environment.end());
}

GitAccess git_access(const SourceUrl& url, const FetchPolicy& policy, std::stop_token stop) {
  require_scheme(url, policy);
  GitAccess access{
      .url = without_credentials(url), .settings = {}, .environment = {}, .key_scan = {}};
  access.environment.push_back("GIT_ALLOW_PROTOCOL=" + url.scheme);
  std::vector<std::string> addresses;
  if (url.scheme != "file" && policy.reach == Reach::internet) {
    addresses = resolve(url.host, policy, std::move(stop));
  }
  if (is_http(url)) {
    if (!addresses.empty()) pin_http(access, url, addresses);
    // One that sends nothing for a minute has ended, whatever it says.
    access.settings.emplace_back("http.lowSpeedLimit=1");
    access.settings.emplace_back("http.lowSpeedTime=60");
    add_credentials(access, url);
  } else if (url.scheme == "ssh") {
    access.environment.push_back("GIT_SSH_COMMAND=" + ssh_command(url, addresses));
    access.key_scan = "ssh-keyscan ";
    if (url.port != 22) access.key_scan += "-p " + std::to_string(url.port) + " ";
    access.key_scan += url.host;
  } else if (url.scheme == "git" && !addresses.empty()) {
    SourceUrl pinned = url;
    pinned.host = addresses[0];
    access.url = without_credentials(pinned);
    access.environment.push_back("GIT_OVERRIDE_VIRTUAL_HOST=" + authority(url));
  }
  return access;
}

}  // namespace cooper::source
