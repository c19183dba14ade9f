#include "engine/buildkit/session.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/random.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <control.grpc.pb.h>
#include <fcntl.h>
#include <grpcpp/channel.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <sys/socket.h>
#include <thread>

namespace cooper::engine::buildkit {

namespace {

constexpr std::size_t kChunk = 32 * 1024;  // what the daemon's side uses, too
/// Calls that hang at the end are cut off after this.
constexpr std::chrono::milliseconds kFarewell{200};

std::unique_ptr<grpc::Server> start_server(
    const std::vector<std::unique_ptr<grpc::Service>>& services) {
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(-1);
  builder.SetMaxSendMessageSize(-1);
  // Health checks must be answered while files are sent.
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 3);
  for (const auto& service : services) builder.RegisterService(service.get());
  auto server = builder.BuildAndStart();
  if (!server) throw Error(Errc::unavailable, "the session's server can't be started");
  return server;
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace

class Session::Bridge {
 public:
  Bridge(const std::shared_ptr<grpc::Channel>& channel, const std::string& id,
         const std::string& shared_key, const std::vector<std::unique_ptr<grpc::Service>>& services)
      : stub_(moby::buildkit::v1::Control::NewStub(channel)), server_(start_server(services)) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
      throw_errno("socketpair");
    }
    socket_ = Fd(ends[0]);
    const int server_end = ends[1];
    ::fcntl(server_end, F_SETFL, ::fcntl(server_end, F_GETFL) | O_NONBLOCK);
    grpc::AddInsecureChannelFromFd(server_.get(), server_end);  // owns it from here on

    context_.AddMetadata("x-docker-expose-session-uuid", id);
    context_.AddMetadata("x-docker-expose-session-name", "cooper");
    context_.AddMetadata("x-docker-expose-session-sharedkey", shared_key);
    for (const std::string& method : service_methods()) {
      context_.AddMetadata("x-docker-expose-session-grpc-method", method);
    }
    call_ = stub_->Session(&context_);
    to_daemon_ = std::thread([this] { carry_to_daemon(); });
    from_daemon_ = std::thread([this] { carry_from_daemon(); });
  }

  ~Bridge() {
    context_.TryCancel();
    ::shutdown(socket_.get(), SHUT_RDWR);
    to_daemon_.join();
    from_daemon_.join();
    call_->Finish();
    server_->Shutdown(std::chrono::system_clock::now() + kFarewell);
  }
  Bridge(const Bridge&) = delete;
  Bridge& operator=(const Bridge&) = delete;

 private:
  void carry_to_daemon() {
    std::array<char, kChunk> chunk;
    moby::buildkit::v1::BytesMessage message;
    for (;;) {
      const ssize_t got = ::recv(socket_.get(), chunk.data(), chunk.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      message.set_data(chunk.data(), static_cast<std::size_t>(got));
      if (!call_->Write(message)) break;
    }
    call_->WritesDone();
  }

  void carry_from_daemon() {
    moby::buildkit::v1::BytesMessage message;
    while (call_->Read(&message)) {
      if (!send_all(socket_.get(), message.data())) break;
    }
    ::shutdown(socket_.get(), SHUT_RDWR);  // the daemon has left: our server hears it
  }

  std::unique_ptr<moby::buildkit::v1::Control::Stub> stub_;
  std::unique_ptr<grpc::Server> server_;
  Fd socket_;
  grpc::ClientContext context_;
  std::unique_ptr<
      grpc::ClientReaderWriter<moby::buildkit::v1::BytesMessage, moby::buildkit::v1::BytesMessage>>
      call_;
  std::thread to_daemon_;
  std::thread from_daemon_;
};

Session::Session(const std::shared_ptr<grpc::Channel>& channel, Options options)
    : id_(random_base36(25)),
      secrets_(std::move(options.secrets)),
      services_(make_services({.folders = options.folders,
                               .logins = options.logins,
                               .secrets = secrets_,
                               .receives = options.receives,
                               .warn = std::move(options.warn)},
                              stop_.get_token())),
      bridge_(std::make_unique<Bridge>(channel, id_, options.shared_key, services_)) {}

Session::~Session() {
  stop_.request_stop();
  bridge_.reset();
}

}  // namespace cooper::engine::buildkit
