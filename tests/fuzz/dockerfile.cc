// Any text as a Dockerfile.

#include "manifest/dockerfile.h"

#include "base/text.h"
#include "fuzz/fuzz.h"

#include <algorithm>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cooper;
  using fuzz::require;
  const std::string_view text = fuzz::text_of(data, size);
  const Result<manifest::DockerfileFacts> facts = manifest::parse_dockerfile(text);
  if (!facts) {
    const std::string message = facts.error().message();
    require(message.starts_with("Dockerfile:") && printable(message) == message, "a clear error");
    return 0;
  }
  require(!facts->stages.empty(), "at least one stage");
  const auto lines = std::ranges::count(text, '\n') + 1;
  int last = 0;
  for (const manifest::Stage& stage : facts->stages) {
    require(stage.line > last && stage.line <= lines, "stages stand in the text, in order");
    require(!stage.base.empty(), "a stage has a base");
    last = stage.line;
  }
  require(!facts->declared_args.contains(""), "an argument has a name");
  return 0;
}
