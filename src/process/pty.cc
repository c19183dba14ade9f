#include "process/pty.h"

#include "base/error.h"

#include <fcntl.h>
#include <stdlib.h>

namespace cooper::process {

Pty make_pty(const winsize& size) {
  Pty pty{.master = Fd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)), .terminal = {}};
  if (!pty.master) throw_errno("make a pseudo terminal");
  if (::grantpt(pty.master.get()) != 0 || ::unlockpt(pty.master.get()) != 0) {
    throw_errno("unlock a pseudo terminal");
  }
  // By descriptor: the name in /dev/pts may be another's where that is mounted twice.
  pty.terminal = Fd(::ioctl(pty.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!pty.terminal) throw_errno("open a pseudo terminal");
  if (::ioctl(pty.terminal.get(), TIOCSWINSZ, &size) != 0) throw_errno("size a pseudo terminal");
  return pty;
}

}  // namespace cooper::process
