// Any bytes as a build's request: refused, or read, and then what is written reads
// back the same.

#include "build/request.h"

#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cooper;
  const auto request = build::parse_request(fuzz::text_of(data, size));
  if (!request) return 0;
  const auto again = build::parse_request(build::to_json(*request));
  fuzz::require(again.has_value(), "what was written can be read");
  fuzz::require(*again == *request, "and says the same");
  return 0;
}
