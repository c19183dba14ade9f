#include "engine/buildkit/services.h"

#include "base/ascii.h"
#include "base/error.h"
#include "base/file.h"
#include "engine/buildkit/ssh_agent.h"
#include "engine/registry_auth.h"

#include <algorithm>
#include <auth.grpc.pb.h>
#include <filesend.grpc.pb.h>
#include <filesync.grpc.pb.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/sync_stream.h>
#include <health.grpc.pb.h>
#include <secrets.grpc.pb.h>
#include <ssh.grpc.pb.h>

namespace cooper::engine::buildkit {

namespace {

using WirePacket = fsutil::types::Packet;
using DiffCopyStream = grpc::ServerReaderWriter<WirePacket, WirePacket>;

std::vector<std::string> values_of(const grpc::ServerContext& context, const std::string& key) {
  const auto& metadata = context.client_metadata();
  const bool encoded = metadata.find(key + "-encoded") != metadata.end();
  std::vector<std::string> values;
  const auto [first, last] = metadata.equal_range(key);
  for (auto entry = first; entry != last; ++entry) {
    const std::string value(entry->second.data(), entry->second.size());
    values.push_back(encoded ? query_unescape(value) : value);
  }
  return values;
}

class HealthService : public grpc::health::v1::Health::Service {
 public:
  grpc::Status Check(grpc::ServerContext* /*context*/,
                     const grpc::health::v1::HealthCheckRequest* /*request*/,
                     grpc::health::v1::HealthCheckResponse* response) override {
    response->set_status(grpc::health::v1::HealthCheckResponse::SERVING);
    return grpc::Status::OK;
  }
};

class AuthService : public moby::filesync::v1::Auth::Service {
 public:
  explicit AuthService(std::filesystem::path logins) : logins_(std::move(logins)) {}
  grpc::Status Credentials(grpc::ServerContext* /*context*/,
                           const moby::filesync::v1::CredentialsRequest* request,
                           moby::filesync::v1::CredentialsResponse* response) override {
    // None: the daemon goes on as nobody in particular.
    if (const auto login = find_login(request->host(), logins_)) {
      response->set_username(login->user);
      response->set_secret(login->password);
    }
    return grpc::Status::OK;
  }

 private:
  std::filesystem::path logins_;
};

class SecretsService : public moby::buildkit::secrets::v1::Secrets::Service {
 public:
  explicit SecretsService(const BuildSecrets& secrets) : secrets_(secrets) {}
  grpc::Status GetSecret(grpc::ServerContext* /*context*/,
                         const moby::buildkit::secrets::v1::GetSecretRequest* request,
                         moby::buildkit::secrets::v1::GetSecretResponse* response) override {
    const auto found = std::ranges::find(secrets_.secrets, request->id(), &Secret::id);
    if (found == secrets_.secrets.end()) {  // the daemon goes on if the mount is not required
      return {grpc::StatusCode::NOT_FOUND, "secret " + request->id() + ": not found"};
    }
    response->set_data(found->value);
    return grpc::Status::OK;
  }

 private:
  const BuildSecrets& secrets_;
};

class SshService : public moby::sshforward::v1::SSH::Service {
 public:
  explicit SshService(const BuildSecrets& secrets) : secrets_(secrets) {}
  grpc::Status CheckAgent(grpc::ServerContext* /*context*/,
                          const moby::sshforward::v1::CheckAgentRequest* request,
                          moby::sshforward::v1::CheckAgentResponse* /*response*/) override {
    return find(request->id()) ? grpc::Status::OK : no_agent(request->id());
  }

  grpc::Status ForwardAgent(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<moby::sshforward::v1::BytesMessage,
                               moby::sshforward::v1::BytesMessage>* stream) override {
    const std::vector<std::string> ids = values_of(*context, "buildkit.ssh.id");
    const std::string id = ids.empty() ? "" : ids.front();
    const SshAgent* agent = find(id);
    if (!agent) return no_agent(id);
    try {
      SshAgentLink link(agent->socket);
      moby::sshforward::v1::BytesMessage message;
      while (stream->Read(&message)) {
        message.set_data(link.answer(message.data(), [&] { return context->IsCancelled(); }));
        if (!message.data().empty() && !stream->Write(message)) break;
      }
      return grpc::Status::OK;
    } catch (const Error& error) {  // boundary: a request of the daemon's
      return {grpc::StatusCode::UNKNOWN, error.message()};
    }
  }

 private:
  const SshAgent* find(const std::string& id) const {
    const std::string name = id.empty() ? "default" : id;
    const auto found = std::ranges::find(secrets_.agents, name, &SshAgent::id);
    return found == secrets_.agents.end() ? nullptr : &*found;
  }
  static grpc::Status no_agent(const std::string& id) {
    return {grpc::StatusCode::NOT_FOUND,
            "no ssh agent \"" + (id.empty() ? "default" : id) + "\" was given (--ssh)"};
  }

  const BuildSecrets& secrets_;
};

void read_packet(WirePacket& from, Packet& to) {
  to.type = static_cast<Packet::Type>(from.type());
  to.has_stat = from.has_stat();  // the daemon sends none: it only receives
  to.id = from.id();
  to.data = std::move(*from.mutable_data());
}

void write_packet(const Packet& from, WirePacket& to) {
  to.Clear();
  to.set_type(static_cast<WirePacket::PacketType>(from.type));
  to.set_id(from.id);
  to.set_data(from.data);
  if (!from.has_stat) return;
  fsutil::types::Stat& stat = *to.mutable_stat();
  stat.set_path(from.stat.path);
  stat.set_mode(from.stat.mode);
  stat.set_uid(from.stat.uid);
  stat.set_gid(from.stat.gid);
  stat.set_size(from.stat.size);
  stat.set_modtime(from.stat.mod_time);
  stat.set_linkname(from.stat.linkname);
  stat.set_devmajor(from.stat.devmajor);
  stat.set_devminor(from.stat.devminor);
  for (const auto& [name, value] : from.stat.xattrs) (*stat.mutable_xattrs())[name] = value;
}

class GrpcPacketStream : public PacketStream {
 public:
  GrpcPacketStream(grpc::ServerContext& context, DiffCopyStream& stream)
      : context_(context), stream_(stream) {}
  bool read(Packet& packet) override {
    if (!stream_.Read(&incoming_)) return false;
    read_packet(incoming_, packet);
    return true;
  }
  bool write(const Packet& packet) override {
    write_packet(packet, outgoing_);
    return stream_.Write(outgoing_);
  }
  void end() override { context_.TryCancel(); }

 private:
  grpc::ServerContext& context_;
  DiffCopyStream& stream_;
  WirePacket incoming_;
  WirePacket outgoing_;
};

class FileSyncService : public moby::filesync::v1::FileSync::Service {
 public:
  FileSyncService(const Folders& folders, std::function<void(const std::string&)> warn,
                  std::stop_token stop)
      : folders_(folders), warn_(std::move(warn)), stop_(std::move(stop)) {}

  grpc::Status DiffCopy(grpc::ServerContext* context, DiffCopyStream* stream) override {
    const std::vector<std::string> names = values_of(*context, "dir-name");
    const std::string name = names.empty() ? "" : names.front();
    // Nothing but these two is ever offered.
    if (name != "context" && name != "dockerfile") {
      return {grpc::StatusCode::NOT_FOUND, "no folder of this name"};
    }
    GrpcPacketStream packets(*context, *stream);
    try {
      const TreeSent sent =
          send_tree(packets,
                    {.root = name == "context" ? folders_.context : folders_.dockerfile,
                     .exclude = values_of(*context, "exclude-patterns"),
                     .include = values_of(*context, "include-patterns"),
                     .follow = values_of(*context, "followpaths"),
                     .times = folders_.times},
                    stop_);
      for (const std::string& warning : sent.warnings) warn_(warning);
      return grpc::Status::OK;
    } catch (const Error& error) {  // boundary: a request of the daemon's
      return {grpc::StatusCode::UNKNOWN, error.message()};
    }
  }

 private:
  Folders folders_;
  std::function<void(const std::string&)> warn_;
  std::stop_token stop_;
};

/// Takes the one archive that an exporter sends.
class FileSendService : public moby::filesync::v1::FileSend::Service {
 public:
  explicit FileSendService(const Fd* file) : file_(file) {}

  grpc::Status DiffCopy(
      grpc::ServerContext* /*context*/,
      grpc::ServerReaderWriter<moby::filesync::v1::BytesMessage, moby::filesync::v1::BytesMessage>*
          stream) override {
    if (!file_) return {grpc::StatusCode::UNIMPLEMENTED, "nothing was asked for"};
    try {
      moby::filesync::v1::BytesMessage message;
      while (stream->Read(&message)) write_all(file_->get(), message.data());
      return grpc::Status::OK;
    } catch (const Error& error) {  // boundary: a request of the daemon's
      return {grpc::StatusCode::UNKNOWN, error.message()};
    }
  }

 private:
  const Fd* file_;
};

}  // namespace

std::vector<std::unique_ptr<grpc::Service>> make_services(Offer offer, std::stop_token stop) {
  std::vector<std::unique_ptr<grpc::Service>> services;
  services.push_back(std::make_unique<HealthService>());
  services.push_back(std::make_unique<AuthService>(std::move(offer.logins)));
  services.push_back(std::make_unique<SecretsService>(offer.secrets));
  services.push_back(std::make_unique<SshService>(offer.secrets));
  services.push_back(
      std::make_unique<FileSyncService>(offer.folders, std::move(offer.warn), std::move(stop)));
  services.push_back(std::make_unique<FileSendService>(offer.receives));
  return services;
}

std::vector<std::string> service_methods() {
  return {"/grpc.health.v1.Health/Check",        "/moby.filesync.v1.Auth/Credentials",
          "/moby.filesync.v1.FileSync/DiffCopy", "/moby.buildkit.secrets.v1.Secrets/GetSecret",
          "/moby.sshforward.v1.SSH/CheckAgent",  "/moby.sshforward.v1.SSH/ForwardAgent",
          "/moby.filesync.v1.FileSend/DiffCopy"};
}

std::string query_unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (const auto byte = percent_byte(text.substr(i))) {
      plain += *byte;
      i += 2;
    } else {
      plain += text[i] == '+' ? ' ' : text[i];
    }
  }
  return plain;
}

}  // namespace cooper::engine::buildkit
