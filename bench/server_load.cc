// A client that asks a server more than any team does.
//   server_load requests PORT PATH CONNECTIONS SECONDS   each asks again as soon as it is answered
//   server_load follow PORT PATH FOLLOWERS TIMES         WebSockets, until each is closed
//   server_load unpack PORT PATH FOLLOWERS TIMES         the same, of messages that are packed
//   server_load write BYTES_A_SECOND SECONDS TIMES       what a build does that is followed
// The writer notes in the file TIMES when it wrote which byte; who follows compares. Both are on
// one host, so they have one clock. Of packed messages every hundredth follower unpacks his, to
// know what they are; only his are timed: it is the server that is measured.

#include "base/base64.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <vector>
#include <zlib.h>

namespace {

using namespace cooper;

std::uint64_t now_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(time.tv_nsec);
}

std::uint64_t number(std::string_view text) {
  const auto value = parse_number(text);
  if (!value) throw Error(Errc::invalid, std::string(text) + " is no number");
  return *value;
}

struct Written {
  std::uint64_t end = 0;  ///< of the log
  std::uint64_t at = 0;   ///< ns
};

Fd connect_to(std::uint16_t port) {
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) throw_errno("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    throw_errno("connect");
  }
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

std::string request(std::string_view path, std::string_view more) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic " +
         to_base64("bench:bench") + "\r\n" + std::string(more) + "\r\n";
}

Fd make_epoll() {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) throw_errno("epoll_create");
  return epoll;
}

void add(const Fd& epoll, int fd, std::size_t index) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = index;
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0) throw_errno("epoll_ctl");
}

double percentile(std::vector<std::uint64_t>& values, double part) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::size_t>(part * static_cast<double>(values.size() - 1));
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(at));
  return static_cast<double>(values[at]) / 1e6;
}

// ---- requests

struct Asker {
  Fd socket;
  std::string got;
  std::uint64_t asked = 0;
};

/// Bytes of the first whole answer in `got`; 0: it is not whole yet.
std::size_t answer_size(std::string_view got) {
  const std::size_t end = got.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  if (!got.starts_with("HTTP/1.1 200"))
    throw Error(Errc::unavailable, std::string(got.substr(0, end)));
  constexpr std::string_view kLength = "Content-Length: ";
  const std::size_t length = got.find(kLength);
  if (length > end) throw Error(Errc::invalid, "an answer without a length");
  const std::string_view digits = got.substr(length + kLength.size());
  const std::size_t size = end + 4 + number(digits.substr(0, digits.find('\r')));
  return got.size() >= size ? size : 0;
}

int ask(std::uint16_t port, std::string_view path, std::size_t connections, std::uint64_t seconds) {
  const Fd epoll = make_epoll();
  const std::string text = request(path, "");
  std::vector<Asker> askers(connections);
  const std::uint64_t begin = now_ns();
  const std::uint64_t end = begin + seconds * 1'000'000'000U;
  for (std::size_t i = 0; i < connections; ++i) {
    askers[i].socket = connect_to(port);
    askers[i].asked = now_ns();
    write_all(askers[i].socket.get(), text);
    add(epoll, askers[i].socket.get(), i);
  }
  std::vector<std::uint64_t> times;
  std::array<epoll_event, 256> events;
  std::array<char, 65536> buffer;
  while (now_ns() < end) {
    const int count = ::epoll_wait(epoll.get(), events.data(), events.size(), 100);
    for (int i = 0; i < count; ++i) {
      Asker& asker = askers[events[static_cast<std::size_t>(i)].data.u64];
      const ssize_t n = ::read(asker.socket.get(), buffer.data(), buffer.size());
      if (n <= 0) throw Error(Errc::unavailable, "the server has closed a connection");
      asker.got.append(buffer.data(), static_cast<std::size_t>(n));
      const std::size_t size = answer_size(asker.got);
      if (size == 0) continue;
      asker.got.erase(0, size);
      const std::uint64_t now = now_ns();
      times.push_back(now - asker.asked);
      asker.asked = now;
      write_all(asker.socket.get(), text);
    }
  }
  std::printf("%.0f requests/s, median %.1f ms, 99th percentile %.1f ms\n",
              static_cast<double>(times.size()) / (static_cast<double>(now_ns() - begin) / 1e9),
              percentile(times, 0.5), percentile(times, 0.99));
  return 0;
}

// ---- followers

struct Follower {
  Fd socket;
  std::array<unsigned char, 10> header;
  std::size_t header_bytes = 0;
  std::uint64_t frame_left = 0;
  std::uint64_t received = 0;  ///< of the log
  std::uint64_t begin = 0;     ///< of the piece that is coming
  std::uint64_t payload = 0;   ///< bytes that came as such
  bool is_close = false;
  bool is_packed = false;  ///< the piece that is coming
  bool is_counted = true;  ///< what it is has to be known
  std::string packed;      ///< what came of it
};

/// Bytes of a message that is packed by itself.
std::size_t unpacked_size(std::string packed) {
  packed += std::string("\0\0\xff\xff", 4);
  z_stream stream{};
  if (::inflateInit2(&stream, -15) != Z_OK) throw Error(Errc::unavailable, "inflateInit");
  std::array<Bytef, 65536> out;
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  int done = Z_OK;
  do {
    stream.next_out = out.data();
    stream.avail_out = out.size();
    done = ::inflate(&stream, Z_SYNC_FLUSH);
  } while (done == Z_OK && stream.avail_out == 0);
  const std::size_t size = stream.total_out;
  ::inflateEnd(&stream);
  if (done != Z_OK && done != Z_BUF_ERROR) throw Error(Errc::invalid, "a message does not unpack");
  return size;
}

/// Length of a frame's header, and its payload's; 0: more of it is to come.
std::size_t read_header(Follower& follower) {
  const auto& h = follower.header;
  if (follower.header_bytes < 2) return 0;
  const unsigned length = h[1] & 0x7fU;
  const std::size_t need = length == 126 ? 4 : length == 127 ? 10 : 2;
  if (follower.header_bytes < need) return 0;
  std::uint64_t bytes = length;
  if (need > 2) {
    bytes = 0;
    for (std::size_t i = 2; i < need; ++i) bytes = bytes << 8U | h[i];
  }
  follower.frame_left = bytes;
  follower.is_close = (h[0] & 0x0fU) == 8;
  follower.is_packed = (h[0] & 0x40U) != 0;
  return need;
}

/// A piece that came whole.
struct Arrival {
  std::uint64_t begin;  ///< in the log
  std::uint64_t at;     ///< ns
};

/// A part of a follower's payload. What it is has to be known only of his who unpacks.
void take_payload(Follower& follower, std::string_view part, std::vector<Arrival>& arrivals) {
  const bool unpacks = follower.is_packed && follower.is_counted;
  follower.frame_left -= part.size();
  follower.payload += part.size();
  if (unpacks) follower.packed += part;
  if (!follower.is_packed) follower.received += part.size();
  if (follower.frame_left > 0) return;
  if (unpacks) {
    follower.received += unpacked_size(std::move(follower.packed));
    follower.packed.clear();
  }
  if (follower.is_counted) arrivals.push_back({follower.begin, now_ns()});
  follower.begin = follower.received;
  follower.header_bytes = 0;
}

/// Some of what has come for a follower, in one call of the kernel: whoever asks for headers one by
/// one is busier than the server. False: its stream is closed.
bool take(Follower& follower, std::vector<Arrival>& arrivals) {
  static std::array<char, 262144> space;
  const ssize_t n = ::recv(follower.socket.get(), space.data(), space.size(), MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN) return true;
  if (n <= 0) throw Error(Errc::unavailable, "a stream was cut off");
  std::string_view rest(space.data(), static_cast<std::size_t>(n));
  while (!rest.empty()) {
    if (follower.frame_left > 0) {
      const std::size_t size = std::min<std::uint64_t>(rest.size(), follower.frame_left);
      take_payload(follower, rest.substr(0, size), arrivals);
      rest.remove_prefix(size);
      continue;
    }
    follower.header[follower.header_bytes++] = static_cast<unsigned char>(rest.front());
    rest.remove_prefix(1);
    if (read_header(follower) == 0) continue;
    if (follower.is_close) return false;
    if (follower.frame_left == 0) follower.header_bytes = 0;
  }
  return true;
}

void open_stream(Follower& follower, std::uint16_t port, std::string_view path, bool unpacks) {
  follower.socket = connect_to(port);
  std::string upgrade =
      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  if (unpacks) upgrade += "Sec-WebSocket-Extensions: permessage-deflate\r\n";
  write_all(follower.socket.get(), request(path, upgrade));
  // Byte by byte: what comes after it are frames.
  std::string head;
  char c = 0;
  while (!head.ends_with("\r\n\r\n")) {
    if (::read(follower.socket.get(), &c, 1) != 1) {
      throw Error(Errc::unavailable, "the server has closed a connection: " + head);
    }
    head += c;
  }
  if (!head.starts_with("HTTP/1.1 101")) throw Error(Errc::unavailable, head);
}

/// The file of times, in order.
std::vector<Written> read_times(const std::string& path) {
  const std::string bytes = read_file(path, std::size_t{1} << 30).value_or("");
  std::vector<Written> times(bytes.size() / sizeof(Written));
  std::memcpy(times.data(), bytes.data(), times.size() * sizeof(Written));
  return times;
}

void report(const std::vector<Arrival>& arrivals, const std::vector<Written>& written,
            const std::vector<Follower>& followers) {
  std::vector<std::uint64_t> late;
  for (const Arrival& arrival : arrivals) {
    // The oldest byte of a piece has waited longest.
    const auto at = std::ranges::upper_bound(written, arrival.begin, {}, &Written::end);
    if (at == written.end() || at->at > arrival.at) continue;
    late.push_back(arrival.at - at->at);
  }
  std::uint64_t least = ~std::uint64_t{0};
  std::uint64_t most = 0;
  std::uint64_t payload = 0;
  std::size_t counted = 0;
  for (const Follower& follower : followers) {
    payload += follower.payload;
    if (!follower.is_counted) continue;
    ++counted;
    least = std::min(least, follower.received);
    most = std::max(most, follower.received);
  }
  std::printf(
      "%zu followers, %zu of them timed: each got %.2f to %.2f MB, as %.2f MB, in %.0f pieces; "
      "late: median %.0f ms, 99th percentile %.0f ms, most %.0f ms\n",
      followers.size(), counted, static_cast<double>(least) / 1e6, static_cast<double>(most) / 1e6,
      static_cast<double>(payload) / 1e6 / static_cast<double>(followers.size()),
      static_cast<double>(arrivals.size()) / static_cast<double>(counted), percentile(late, 0.5),
      percentile(late, 0.99), percentile(late, 1));
}

int follow(std::uint16_t port, std::string_view path, std::size_t count, const std::string& times,
           bool unpacks) {
  std::vector<Follower> followers(count);
  for (std::size_t i = 0; i < count; ++i) {
    open_stream(followers[i], port, path, unpacks);
    followers[i].is_counted = !unpacks || i % 100 == 0;
  }
  const Fd epoll = make_epoll();
  for (std::size_t i = 0; i < count; ++i) add(epoll, followers[i].socket.get(), i);
  std::fputs("open\n", stdout);
  std::fflush(stdout);
  std::vector<Arrival> arrivals;
  std::array<epoll_event, 512> events;
  std::size_t open = count;
  std::uint64_t last = now_ns();
  while (open > 0) {
    // Never asleep: to wake the processor of one who sleeps costs the server more than to send.
    const int ready = ::epoll_wait(epoll.get(), events.data(), events.size(), 0);
    const std::uint64_t now = now_ns();
    if (ready > 0) last = now;
    if (now - last > 60'000'000'000U) throw Error(Errc::unavailable, "nothing came for a minute");
    for (int i = 0; i < ready; ++i) {
      Follower& follower = followers[events[static_cast<std::size_t>(i)].data.u64];
      if (take(follower, arrivals)) continue;
      follower.socket = Fd();
      --open;
    }
  }
  report(arrivals, read_times(times), followers);
  return 0;
}

// ---- the build

/// Lines as package managers, compilers and image builders write them: words that come again and
/// again, with numbers and digests that don't. They pack to a fifth; logs of apt and of compilers,
/// to a sixth or seventh.
std::string some_lines(std::size_t bytes) {
  std::minstd_rand random(4711);
  const auto up_to = [&random](unsigned most) { return std::to_string(random() % most); };
  const auto digest = [&random](int words) {
    std::string digits;
    for (int i = 0; i < words; ++i) {
      const auto word = static_cast<std::uint32_t>(random());
      for (unsigned at = 0; at < 32; at += 4) digits += "0123456789abcdef"[word >> at & 15U];
    }
    return digits;
  };
  std::string text;
  std::size_t line = 0;
  while (text.size() < bytes) {
    ++line;
    text += "#" + std::to_string(1 + line / 500) + " " + std::to_string(line / 40) + "." +
            up_to(10) + " ";
    switch (random() % 16 / 5) {
      case 0:
        text += "Get:" + up_to(900) + " http://mirror.example/debian bookworm/main amd64 lib" +
                up_to(2000) + " amd64 " + up_to(9) + "." + up_to(30) + "-" + up_to(5) + " [" +
                up_to(5000) + " kB]\n";
        break;
      case 1:
        text += "npm http fetch GET 200 https://registry.example/package-" + up_to(9000) + "/-/" +
                up_to(900) + "-" + up_to(9) + "." + up_to(30) + ".tgz " + up_to(900) +
                "ms (cache miss)\n";
        break;
      case 2:
        text += "[" + std::to_string(line) + "/90000] Building CXX object src/CMakeFiles/part_" +
                up_to(40) + ".dir/module_" + up_to(40) + "/file_" + up_to(900) + ".cc.o\n";
        break;
      default:
        text += "copying blob sha256:" + digest(8) + "\n";
    }
  }
  text.resize(bytes);
  return text;
}

int write_lines(std::uint64_t rate, std::uint64_t seconds, const std::string& times) {
  constexpr std::uint64_t kEach = 10'000'000;  // ns
  const Fd out = open_file(times, O_WRONLY | O_CREAT | O_TRUNC);
  const std::string all = some_lines(rate * seconds);
  const std::size_t block = rate / 100;
  const std::uint64_t begin = now_ns();
  Written written;
  for (std::uint64_t i = 0; i < seconds * 100; ++i) {
    while (now_ns() < begin + i * kEach) {
      const timespec rest{0, 1'000'000};
      ::nanosleep(&rest, nullptr);
    }
    written.end += block;
    written.at = now_ns();
    write_all(out.get(), std::string_view(reinterpret_cast<const char*>(&written), sizeof written));
    write_all(STDOUT_FILENO, std::string_view(all).substr(i * block, block));
  }
  return 0;
}

int run(std::span<char*> arguments) {
  const std::vector<std::string> a(arguments.begin(), arguments.end());
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const auto port = [&] { return static_cast<std::uint16_t>(number(a[2])); };
  if (a.size() == 6 && a[1] == "requests") return ask(port(), a[3], number(a[4]), number(a[5]));
  if (a.size() == 6 && (a[1] == "follow" || a[1] == "unpack")) {
    return follow(port(), a[3], number(a[4]), a[5], a[1] == "unpack");
  }
  if (a.size() == 5 && a[1] == "write") return write_lines(number(a[2]), number(a[3]), a[4]);
  std::fputs("usage: see the head of server_load.cc\n", stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(std::span(argv, static_cast<std::size_t>(argc)));
  } catch (const std::exception& error) {  // boundary: main
    std::fprintf(stderr, "server_load: %s\n", error.what());
    return 1;
  }
}
