#include "server/server.h"

#include "base/text.h"
#include "process/reap.h"
#include "server/audit_trail.h"
#include "server/build_figures.h"
#include "server/hook_worker.h"
#include "server/listen.h"
#include "server/login_limit.h"
#include "server/loop.h"
#include "server/readiness.h"
#include "server/routes.h"
#include "server/session.h"
#include "server/spawn.h"
#include "server/webhook_sender.h"
#include "store/layout.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>

namespace cooper::server {
namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace {

constexpr std::size_t kQuickWorkers = 8;
/// Some of them wait for the builds of pushes, which may take hours (git_backend.cc has a bound).
constexpr std::size_t kSlowWorkers = 128;
constexpr std::size_t kWaitingForWorkers = 4096;
/// Each has one for as long as who reads the answer takes.
constexpr std::size_t kSenders = 192;
constexpr std::size_t kSendersOfOne = 64;
/// Each has a file while it comes.
constexpr std::size_t kStrangers = 256;
constexpr std::size_t kStrangersOfOne = 32;
/// What is not a connection: files, pipes, loops.
constexpr std::size_t kOtherDescriptors = 512;

/// As many descriptors as we may have. Returns how many connections that allows.
std::size_t raise_descriptor_limit(std::size_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) throw_errno("getrlimit");
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < kOtherDescriptors * 2) return 64;
  return std::min<std::size_t>(wanted, limit.rlim_cur - kOtherDescriptors);
}

class Server {
 public:
  Server(rack::Rack& rack, Access& access, ServerOptions options)
      : sockets_(std::move(options.sockets)),
        router_(all_routes()),
        keys_(options.layout),
        metrics_(all_routes()),
        audit_(store::AuditLog(options.layout), quick_, metrics_),
        figures_(options.layout, rack, now()),
        readiness_(options.layout, rack),
        hooks_(rack, options.layout),
        webhooks_(rack, options.layout),
        services_{.rack = rack,
                  .access = access,
                  .router = router_,
                  .quick = quick_,
                  .slow = slow_,
                  .senders = senders_,
                  .sendings = sendings_,
                  .strangers = strangers_,
                  .keys = keys_,
                  .logins = logins_,
                  .audit = audit_,
                  .metrics = metrics_,
                  .figures = figures_,
                  .readiness = readiness_,
                  .hooks = hooks_,
                  .limits = options.limits,
                  .layout = options.layout,
                  .version = std::move(options.version),
                  .host_name = std::move(options.host_name),
                  .local_only = options.proxies.empty(),
                  .proxies = std::move(options.proxies),
                  .request_lines = options.request_lines,
                  .ending = ending_.get_token()} {
    for (const Fd& socket : sockets_) {
      if (!is_loopback(socket)) services_.local_only = false;
    }
    services_.limits.connections = raise_descriptor_limit(services_.limits.connections);
    if (options.tls) {
      tls_.emplace(asio::ssl::context::tls_server);
      use_certificate(*tls_, *options.tls);
    }
    for (std::size_t i = 0; i < options.loops; ++i) {
      loops_.push_back(std::make_unique<Loop>(services_));
    }
  }

  void run();

 private:
  struct Acceptor {
    Acceptor(asio::io_context& context, Fd socket) : descriptor(context, socket.release()) {}
    asio::posix::stream_descriptor descriptor;  // for waiting alone
  };

  Task<void> accept(Acceptor& acceptor);
  bool take_connections(int socket);
  void take(Fd connection, const sockaddr_storage& peer);
  Task<void> serve(Loop& loop, tcp::socket socket, std::string remote);
  Task<void> wait_for_signals();
  Task<void> reap_children();
  void begin_end();
  void end_now();

  std::vector<Fd> sockets_;
  Router router_;
  RequestKeys keys_;
  std::stop_source ending_;
  Workers quick_{kQuickWorkers, kWaitingForWorkers};
  Workers slow_{kSlowWorkers, kWaitingForWorkers};
  Quota sendings_{kSenders, kSendersOfOne};
  Quota strangers_{kStrangers, kStrangersOfOne};
  Workers senders_{kSenders, kSenders};
  LoginLimit logins_;
  Metrics metrics_;
  AuditTrail audit_;
  BuildFigures figures_;
  Readiness readiness_;
  HookWorker hooks_;
  WebhookSender webhooks_;
  Services services_;
  std::optional<asio::ssl::context> tls_;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::optional<asio::signal_set> child_signals_;
  std::size_t next_loop_ = 0;
  std::atomic<std::size_t> connections_ = 0;
};

Task<void> Server::accept(Acceptor& acceptor) {
  boost::system::error_code failure;
  asio::steady_timer pause(loops_[0]->context);
  while (!failure) {
    co_await acceptor.descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                            asio::redirect_error(asio::use_awaitable, failure));
    if (failure) break;
    bool is_full = !take_connections(acceptor.descriptor.native_handle());
    // While there are too many, those to come wait in the kernel's queue.
    while (is_full && !loops_[0]->ending) {
      pause.expires_after(std::chrono::milliseconds(20));
      co_await pause.async_wait(asio::use_awaitable);
      is_full = connections_ >= services_.limits.connections;
    }
  }
}

/// All that the kernel has for us. False if more can't be taken now: there are too many, or no
/// descriptor is left.
bool Server::take_connections(int socket) {
  while (connections_ < services_.limits.connections) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    // Not asio's: no child may get a connection, whenever it is started.
    Fd connection(
        ::accept4(socket, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!connection && errno == EINTR) continue;
    if (!connection) return errno == EAGAIN || errno == EWOULDBLOCK;
    take(std::move(connection), peer);
  }
  return false;
}

void Server::take(Fd connection, const sockaddr_storage& peer) {
  const int on = 1;
  ::setsockopt(connection.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  Loop& loop = *loops_[next_loop_++ % loops_.size()];
  ++connections_;
  ++metrics_.connections;
  asio::post(loop.context, [this, &loop, connection = std::move(connection), peer]() mutable {
    tcp::endpoint endpoint;
    std::memcpy(endpoint.data(), &peer, std::min(sizeof peer, endpoint.capacity()));
    tcp::socket socket(loop.context);
    boost::system::error_code failure;
    socket.assign(peer.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), connection.get(), failure);
    if (failure) {
      --connections_;
      --metrics_.connections;
      log_error("a connection can't be served: " + failure.message());
      return;
    }
    static_cast<void>(connection.release());
    spawn(loop, serve(loop, std::move(socket), endpoint.address().to_string()), "a connection");
  });
}

Task<void> Server::serve(Loop& loop, tcp::socket socket, std::string remote) {
  struct Count {
    std::atomic<std::size_t>& connections;
    Metrics& metrics;
    ~Count() {
      --connections;
      --metrics.connections;
    }
  };
  const Count count{connections_, metrics_};
  co_await serve_connection(loop, std::move(socket), std::move(remote), tls_ ? &*tls_ : nullptr);
}

Task<void> Server::reap_children() {
  boost::system::error_code failure;
  while (!failure) {
    process::reap_children_called("cooper-supervisor");
    co_await child_signals_->async_wait(asio::redirect_error(asio::use_awaitable, failure));
  }
}

Task<void> Server::wait_for_signals() {
  asio::signal_set signals(loops_[0]->context, SIGTERM, SIGINT);
  co_await signals.async_wait(asio::use_awaitable);
  log_info("ending: no more requests are taken; builds go on");
  notify_systemd("STOPPING=1");
  begin_end();
  // Whoever is in a hurry says so.
  asio::steady_timer limit(loops_[0]->context);
  const auto deadline = std::chrono::steady_clock::now() + services_.limits.ending;
  signals.async_wait([&limit](const boost::system::error_code& failure, int) {
    if (!failure) limit.cancel();
  });
  while (connections_ > 0 && std::chrono::steady_clock::now() < deadline) {
    boost::system::error_code hurry;
    limit.expires_after(std::chrono::milliseconds(10));
    co_await limit.async_wait(asio::redirect_error(asio::use_awaitable, hurry));
    if (hurry) break;
  }
  end_now();
}

void Server::begin_end() {
  for (const auto& acceptor : acceptors_) acceptor->descriptor.close();
  child_signals_->cancel();
  for (const auto& loop : loops_) {
    asio::post(loop->context, [&loop = *loop] {
      loop.ending = true;
      loop.logs.end();
      const std::set<Session*> sessions = loop.sessions;
      for (Session* session : sessions) session->end();
    });
  }
}

void Server::end_now() {
  ending_.request_stop();
  for (const auto& loop : loops_) {
    asio::post(loop->context, [&loop = *loop] {
      const std::set<Session*> sessions = loop.sessions;
      for (Session* session : sessions) session->abort();
      loop.context.stop();
    });
  }
}

void Server::run() {
  // A peer that has gone is an error of the write.
  std::signal(SIGPIPE, SIG_IGN);
  Loop& first = *loops_[0];
  child_signals_.emplace(first.context, SIGCHLD);
  for (Fd& socket : sockets_) {
    log_info("listening on " + std::string(tls_ ? "https" : "http") + "://" +
             shown_address(socket));
    acceptors_.push_back(std::make_unique<Acceptor>(first.context, std::move(socket)));
    spawn(first, accept(*acceptors_.back()), "accepting connections");
  }
  spawn(first, wait_for_signals(), "waiting for signals");
  spawn(first, reap_children(), "reaping supervisors");
  hooks_.start();
  webhooks_.start();
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < loops_.size(); ++i) {
    threads.emplace_back([&loop = *loops_[i]] {
      const auto guard = asio::make_work_guard(loop.context);
      loop.context.run();
    });
  }
  notify_systemd("READY=1");
  const auto guard = asio::make_work_guard(first.context);
  first.context.run();
  for (std::thread& thread : threads) thread.join();
  // Workers use what sessions hold, so they end first.
  quick_.join();
  slow_.join();
  senders_.join();
  hooks_.end();
  webhooks_.end();
}

}  // namespace

void run_server(rack::Rack& rack, Access& access, ServerOptions options) {
  for (const Fd& socket : options.sockets) {
    // (What comes through a proxy comes from anywhere.)
    if ((is_loopback(socket) && options.proxies.empty()) || access.is_closed()) continue;
    const std::string who = options.proxies.empty() ? shown_address(socket) : "the proxy";
    throw Error(
        Errc::denied, "anybody who can reach " + who + " could do everything here",
        std::string("make a token first: cooper tokens create --role admin") +
            (is_loopback(socket) ? ""
                                 : "; or listen on 127.0.0.1, which only this host can reach"));
  }
  Server server(rack, access, std::move(options));
  server.run();
}

}  // namespace cooper::server
