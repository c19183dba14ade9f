#include "base/fd.h"
#include "engine/containers.h"
#include "engine/http_probe.h"
#include "unit/test_support.h"

#include <gtest/gtest.h>

#include <netinet/in.h>
#include <stop_token>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace cooper::engine {
namespace {

TEST(LogFrames, AreTakenApartHoweverTheyAreCut) {
  const std::string frames = std::string("\x01\0\0\0\0\0\0\x03", 8) + "one" +
                             std::string("\x02\0\0\0\0\0\0\0", 8) +
                             std::string("\x02\0\0\0\0\0\x01\x00", 8) + std::string(256, 'x');
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
    std::vector<std::string> messages;
    const std::function<void(std::string_view)> sink = [&](std::string_view bytes) {
      messages.emplace_back(bytes);
    };
    LogFrames reader(sink);
    for (std::size_t at = 0; at < frames.size(); at += piece) {
      reader.feed(std::string_view(frames).substr(at, piece));
    }
    EXPECT_EQ(messages, (std::vector{std::string("one"), std::string(256, 'x')})) << piece;
  }
}

/// Answers one connection with `answer`, or never if that is empty.
class Server {
 public:
  explicit Server(std::string answer) : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(::listen(listener_.get(), 4), 0);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    if (answer.empty()) return;
    thread_ = std::jthread([this, answer] {
      const Fd peer(::accept(listener_.get(), nullptr, nullptr));
      char request[512];
      EXPECT_GT(::recv(peer.get(), request, sizeof request, 0), 0);
      EXPECT_EQ(::send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(answer.size()));
    });
  }
  std::uint16_t port() const { return port_; }

 private:
  Fd listener_;
  std::uint16_t port_ = 0;
  std::jthread thread_;
};

std::string problem_with(const std::string& answer) {
  const Server server(answer);
  return why_unhealthy({.port = server.port(), .path = "/up", .limit = std::chrono::seconds(10)});
}

TEST(WhyUnhealthy, GoesByTheStatus) {
  EXPECT_EQ(problem_with("HTTP/1.1 200 OK\r\n\r\n"), "");
  EXPECT_EQ(problem_with("HTTP/1.0 302 Found\r\n\r\n"), "");
  EXPECT_EQ(problem_with("HTTP/1.1 404 Not Found\r\n\r\n"), "GET /up answers 404");
  EXPECT_EQ(problem_with("HTTP/1.1 503\r\n\r\n"), "GET /up answers 503");
  EXPECT_EQ(problem_with("SSH-2.0-x\r\n"), "it does not speak HTTP");
}

TEST(WhyUnhealthy, WaitsNoLongerThanItMay) {
  const Server silent("");
  EXPECT_NE(why_unhealthy({.port = silent.port(), .limit = std::chrono::milliseconds(20)}), "");
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(code_of([&] { why_unhealthy({.port = silent.port()}, stop.get_token()); }),
            Errc::canceled);
}

}  // namespace
}  // namespace cooper::engine
