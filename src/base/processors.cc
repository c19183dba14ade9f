#include "base/processors.h"

#include <algorithm>
#include <sched.h>
#include <thread>

namespace cooper {

unsigned own_processors() noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  // Refused where the kernel knows of more processors than the set has room for (1,024).
  if (::sched_getaffinity(0, sizeof set, &set) != 0) {
    return std::max(1U, std::thread::hardware_concurrency());
  }
  return std::max(1U, static_cast<unsigned>(CPU_COUNT(&set)));
}

}  // namespace cooper
