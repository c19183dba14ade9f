#include "engine/buildkit/ssh_agent.h"

#include "base/error.h"
#include "engine/docker_http.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <poll.h>
#include <sys/socket.h>

namespace cooper::engine::buildkit {

namespace {

constexpr std::size_t kHead = 4;                          // a message's length, big end first
constexpr std::size_t kLongest = std::size_t{256} << 10;  // as OpenSSH's agent has it
constexpr unsigned char kListKeys = 11;                   // SSH_AGENTC_REQUEST_IDENTITIES
constexpr unsigned char kSign = 13;                       // SSH_AGENTC_SIGN_REQUEST
constexpr int kLookMs = 100;

std::size_t length_of(std::string_view head) {
  std::size_t length = 0;
  for (const char c : head.substr(0, kHead)) length = length << 8 | static_cast<unsigned char>(c);
  if (length == 0 || length > kLongest) {
    throw Error(Errc::corrupt, "an ssh agent's message of " + std::to_string(length) + " bytes");
  }
  return length;
}

[[noreturn]] void throw_left() { throw Error(Errc::unavailable, "the ssh agent has left"); }

}  // namespace

SshAgentLink::SshAgentLink(const std::filesystem::path& socket) : socket_(connect_unix(socket)) {}

std::string SshAgentLink::answer(std::string_view bytes, const std::function<bool()>& give_up) {
  waiting_ += bytes;
  std::string answers;
  while (waiting_.size() >= kHead) {
    const std::size_t size = kHead + length_of(waiting_);
    if (waiting_.size() < size) break;
    const std::string request = waiting_.substr(0, size);
    waiting_.erase(0, size);
    const auto kind = static_cast<unsigned char>(request[kHead]);
    constexpr std::string_view kFailure("\0\0\0\1\5", 5);
    answers += kind == kListKeys || kind == kSign ? ask(request, give_up) : std::string(kFailure);
  }
  return answers;
}

std::string SshAgentLink::ask(std::string_view request, const std::function<bool()>& give_up) {
  while (!request.empty()) {
    const ssize_t sent = ::send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) throw_left();
    request.remove_prefix(static_cast<std::size_t>(sent));
  }
  const std::string head = receive(kHead, give_up);
  return head + receive(length_of(head), give_up);
}

std::string SshAgentLink::receive(std::size_t size, const std::function<bool()>& give_up) {
  std::string bytes;
  std::array<char, 4096> part;
  while (bytes.size() < size) {
    pollfd readable{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&readable, 1, kLookMs) <= 0) {
      if (give_up()) throw Error(Errc::canceled, "canceled");
      continue;
    }
    const std::size_t most = std::min(part.size(), size - bytes.size());
    const ssize_t got = ::recv(socket_.get(), part.data(), most, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw_left();
    bytes.append(part.data(), static_cast<std::size_t>(got));
  }
  return bytes;
}

}  // namespace cooper::engine::buildkit
