// Any bytes as a file of variables: refused, or read, and then what is written reads back
// the same.

#include "model/environment.h"

#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cooper;
  const auto read = parse_environment(fuzz::text_of(data, size), "f");
  if (!read) return 0;
  const auto again = parse_environment(to_text(*read, EnvironmentForm::lines), "f");
  fuzz::require(again.has_value(), "what was written can be read");
  fuzz::require(*again == *read, "and says the same");
  return 0;
}
