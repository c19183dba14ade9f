#pragma once
// Pseudo terminals: for a program that wants a terminal where there is none, or
// not ours.

#include "base/fd.h"

#include <sys/ioctl.h>

namespace cooper::process {

/// What is written to one end is read from the other, as between a terminal's
/// keyboard and screen (`master`) and the programs on it (`terminal`). Once nobody
/// has `terminal` open, reading `master` fails with EIO.
struct Pty {
  Fd master;
  Fd terminal;
};

/// A new one; both ends are close-on-exec, and neither becomes the controlling
/// terminal of the caller. Throws Error{unavailable} if there is none left.
Pty make_pty(const winsize& size);

}  // namespace cooper::process
