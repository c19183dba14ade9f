#pragma once
// The descriptors that a tracked command gets from whoever started it.

#include "base/fd.h"

namespace cooper::build {

struct CommandStreams {
  Fd input;     ///< its standard input; none: /dev/null
  Fd terminal;  ///< a pseudo terminal, for all its streams and for it to control; none: a pipe
  Fd master;    ///< the other end of that, where its output is read
};

}  // namespace cooper::build
