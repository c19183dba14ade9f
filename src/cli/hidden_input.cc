#include "cli/hidden_input.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"

#include <array>
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

namespace cooper::cli {

namespace {

constexpr std::size_t kLongest = std::size_t{64} << 10;  // tokens are some KiB

/// A terminal that does not show what is typed, until this ends.
class Unseen {
 public:
  explicit Unseen(const Fd& terminal) : terminal_(terminal) {
    if (::tcgetattr(terminal_.get(), &before_) != 0) throw_errno("tcgetattr");
    termios unseen = before_;
    unseen.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    unseen.c_lflag |= ECHONL;
    if (::tcsetattr(terminal_.get(), TCSAFLUSH, &unseen) != 0) throw_errno("tcsetattr");
  }
  ~Unseen() { ::tcsetattr(terminal_.get(), TCSAFLUSH, &before_); }
  Unseen(const Unseen&) = delete;
  Unseen& operator=(const Unseen&) = delete;

 private:
  const Fd& terminal_;
  termios before_{};
};

}  // namespace

std::string ask_unseen(const std::string& prompt, std::string_view what,
                       const std::string& otherwise) {
  if (::isatty(STDIN_FILENO) == 0) {
    throw Error(Errc::invalid, "there is no terminal to ask for the " + std::string(what),
                otherwise);
  }
  const Fd terminal = open_file("/dev/tty", O_RDWR | O_NOCTTY);
  const Unseen unseen(terminal);  // forgets what was typed before; so it comes first
  write_all(terminal.get(), printable(prompt) + ": ");
  std::string line;
  std::array<char, 1024> bytes{};
  while (line.find('\n') == std::string::npos && line.size() < kLongest) {
    const ssize_t got = ::read(terminal.get(), bytes.data(), bytes.size());
    if (got <= 0) break;
    line.append(bytes.data(), static_cast<std::size_t>(got));
  }
  return line.substr(0, line.find('\n'));
}

std::string secret_from(int in, std::string_view what) {
  std::string text = read_open_file(Fd(::dup(in)), what, kLongest);
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

}  // namespace cooper::cli
