#include "process/child.h"
#include "process/pty.h"
#include "unit/test_support.h"

#include <csignal>
#include <fcntl.h>
#include <termios.h>

namespace cooper::process {
namespace {

constexpr winsize kSize{.ws_row = 31, .ws_col = 117, .ws_xpixel = 0, .ws_ypixel = 0};

/// What comes out of the terminal until nobody has it open.
std::string read_to_end(const Fd& master) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t n = ::read(master.get(), buffer, sizeof buffer);
    if (n <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(n));
  }
}

Child start_on(Pty& pty, const std::string& script) {
  Child child = Child::start({.argv = {"sh", "-c", script},
                              .environment = own_environment(),
                              .in = pty.terminal.get(),
                              .out = pty.terminal.get(),
                              .err = pty.terminal.get(),
                              .group = Group::own_terminal});
  pty.terminal.reset();
  return child;
}

TEST(Pty, IsATerminalOfTheSizeThatWasAskedFor) {
  const Pty pty = make_pty(kSize);
  EXPECT_EQ(::isatty(pty.terminal.get()), 1);
  winsize size{};
  ASSERT_EQ(::ioctl(pty.master.get(), TIOCGWINSZ, &size), 0);
  EXPECT_EQ(size.ws_row, 31);
  EXPECT_EQ(size.ws_col, 117);
  for (const Fd* end : {&pty.master, &pty.terminal}) {
    EXPECT_EQ(::fcntl(end->get(), F_GETFD), FD_CLOEXEC);
  }
}

TEST(Pty, DoesNotBecomeTheCallersTerminal) {
  EXPECT_EQ(in_child_process([] {
              ::setsid();
              const Pty pty = make_pty(kSize);
              return Fd(::open("/dev/tty", O_RDWR | O_CLOEXEC)) ? 1 : 0;
            }),
            0);
}

TEST(Pty, AProgramControlsIt) {
  Pty pty = make_pty(kSize);
  // /dev/tty is there only for a session that has a controlling terminal.
  Child child = start_on(pty, "stty size </dev/tty; ps -o stat= -p $$");
  const std::string text = read_to_end(pty.master);
  EXPECT_EQ(child.wait().code, 0);
  EXPECT_TRUE(text.starts_with("31 117\r\n")) << text;
  EXPECT_NE(text.find("s+"), std::string::npos) << "a session leader in the foreground: " << text;
}

TEST(Pty, ItsKeysBecomeSignals) {
  Pty pty = make_pty(kSize);
  Child child = start_on(pty, "trap 'echo int; exit 9' INT; echo ready; while :; do sleep 1; done");
  char byte = 0;
  std::string text;
  while (text.find("ready") == std::string::npos && ::read(pty.master.get(), &byte, 1) == 1) {
    text += byte;
  }
  write_all(pty.master.get(), "\x03");
  EXPECT_NE(read_to_end(pty.master).find("int\r\n"), std::string::npos);
  EXPECT_EQ(child.wait().code, 9);
}

TEST(Pty, EndsWithAnErrorOnceNobodyHasItOpen) {
  Pty pty = make_pty(kSize);
  pty.terminal.reset();
  char byte = 0;
  EXPECT_EQ(::read(pty.master.get(), &byte, 1), -1);
  EXPECT_EQ(errno, EIO);
}

TEST(Child, TheUmaskIsTheOneAskedFor) {
  Command command{.argv = {"sh", "-c", "umask"}, .environment = own_environment()};
  command.umask = 0027;
  EXPECT_EQ(run(command).out, "0027\n");
}

TEST(Child, KnowsWhenItsGroupIsGone) {
  Pipe alive = make_pipe();
  Child child = Child::start({.argv = {"sh", "-c", "sleep 600 & echo $!"},
                              .environment = own_environment(),
                              .out = alive.write.get()});
  alive.write.reset();
  EXPECT_EQ(child.wait().code, 0);
  EXPECT_FALSE(child.group_is_gone()) << "the one in the background is left";
  child.signal_group(SIGKILL);
  char byte = 0;
  while (::read(alive.read.get(), &byte, 1) == 1) {
  }
  while (!child.group_is_gone()) ::usleep(1000);  // whoever is process 1 reaps it
}

}  // namespace
}  // namespace cooper::process
