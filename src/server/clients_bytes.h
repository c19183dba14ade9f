#pragma once
// What a client sent is wrong, not what we keep.

#include "base/error.h"

namespace cooper::server {

/// What `work` returns; its Error{corrupt} becomes Error{invalid}.
template <class Work>
auto of_clients_bytes(const Work& work) {
  try {
    return work();
  } catch (const Error& error) {  // adapter: see above
    if (error.code() != Errc::corrupt) throw;
    throw Error(Errc::invalid, error.message(), error.hint());
  }
}

}  // namespace cooper::server
