#pragma once
// A step: one Dockerfile instruction (or a phase such as pull or tag) of one
// service, as a line of `<id>.steps.jsonl`.

#include "base/time.h"

#include <cstdint>
#include <optional>
#include <string>

namespace cooper {

struct Step {
  std::string service;  ///< of several services that share an image: the first
  int number = 0;       ///< 1, 2, ... within the service
  std::string text;     ///< "RUN make" (as the Dockerfile has it)
  Time started;
  std::optional<Time> finished;
  bool cached = false;
  std::uint64_t log_begin = 0;  ///< byte offsets of its output in the log: [begin, end)
  std::uint64_t log_end = 0;
  std::optional<int> exit_code;  ///< 0, or what failed; absent if it was interrupted
  bool operator==(const Step&) const = default;
};

}  // namespace cooper
