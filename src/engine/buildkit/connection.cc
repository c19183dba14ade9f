#include "engine/buildkit/connection.h"

#include "base/error.h"
#include "base/file.h"
#include "engine/buildkit/upgrade.h"
#include "engine/daemons.h"
#include "engine/docker_http.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <grpcpp/create_channel.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <thread>

namespace cooper::engine::buildkit {

namespace {

constexpr std::chrono::seconds kConnectLimit{10};

grpc::ChannelArguments channel_arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  // An error carries the whole Dockerfile and stacks: with the default of 8 KiB it
  // would arrive as another, meaningless one.
  arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, 16 << 20);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // Each build has a connection of its own, so that its end is seen by its daemon.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return arguments;
}

std::shared_ptr<grpc::Channel> channel_on(Fd fd) {
  return grpc::CreateCustomInsecureChannelFromFd("localhost", fd.release(), channel_arguments());
}

/// Reads the answer's head and not a byte more: what follows is HTTP/2 already.
int upgrade_status(const Fd& fd) {
  std::array<char, 16384> head;
  const auto deadline = std::chrono::steady_clock::now() + kConnectLimit;
  std::size_t seen = 0;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd readable{.fd = fd.get(), .events = POLLIN, .revents = 0};
    if (left.count() <= 0 || ::poll(&readable, 1, static_cast<int>(left.count())) == 0) {
      throw Error(Errc::unavailable, "the Docker Engine does not answer");
    }
    const ssize_t got = ::recv(fd.get(), head.data(), head.size(), MSG_PEEK | MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) throw_errno("read from the Docker Engine");
    const auto size = static_cast<std::size_t>(got);
    const auto answer = read_upgrade_answer({head.data(), size});
    if (answer) {
      if (answer->status == 101) {
        [[maybe_unused]] const ssize_t consumed = ::recv(fd.get(), head.data(), answer->size, 0);
      }
      return answer->status;
    }
    if (size == 0 || size == head.size()) return 0;  // closed, or no such answer
    // Peeked bytes stay readable: a wait for more can't be left to poll.
    if (size == seen) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    seen = size;
  }
}

std::shared_ptr<grpc::Channel> connect_docker(const std::string& socket) {
  Fd fd = connect_unix(socket);
  write_all(fd.get(), upgrade_request());
  const int status = upgrade_status(fd);
  if (status == 101) return channel_on(std::move(fd));
  // Newer engines serve gRPC on the socket itself.
  if (status == 404 || status == 410) return channel_on(connect_unix(socket));
  throw Error(
      Errc::engine,
      "the engine at " + socket + " has no BuildKit (HTTP status " + std::to_string(status) + ")",
      "Docker Engine 18.09 or later has; or use another engine: --engine buildah");
}

std::string certificate(const std::filesystem::path& file) {
  auto text = read_file(file);
  if (!text) {
    throw Error(Errc::invalid, "the certificate " + file.string() + " is missing",
                "property buildkit-certs names a folder with ca.pem, cert.pem and key.pem");
  }
  return *std::move(text);
}

std::shared_ptr<grpc::Channel> connect_tcp(const EngineChoice& choice, const std::string& target) {
  if (choice.certs.empty()) {
    throw Error(Errc::invalid, "no certificates for " + choice.address + " are configured",
                "set property buildkit-certs to a folder with ca.pem, cert.pem and key.pem");
  }
  const grpc::SslCredentialsOptions keys{.pem_root_certs = certificate(choice.certs / "ca.pem"),
                                         .pem_private_key = certificate(choice.certs / "key.pem"),
                                         .pem_cert_chain = certificate(choice.certs / "cert.pem")};
  auto channel = grpc::CreateCustomChannel(target, grpc::SslCredentials(keys), channel_arguments());
  if (!channel->WaitForConnected(std::chrono::system_clock::now() + kConnectLimit)) {
    throw Error(Errc::unavailable, "no BuildKit daemon can be reached at " + choice.address,
                "is it running, and were both sides' certificates made by one CA for this name?");
  }
  return channel;
}

}  // namespace

std::shared_ptr<grpc::Channel> connect(const EngineChoice& choice) {
  if (choice.kind == EngineKind::docker) return connect_docker(choice.address);
  if (choice.address.starts_with(kUnixScheme)) {
    return channel_on(connect_unix(choice.address.substr(kUnixScheme.size())));
  }
  return connect_tcp(choice, choice.address.substr(kTcpScheme.size()));
}

}  // namespace cooper::engine::buildkit
