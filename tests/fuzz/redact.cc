// Any secrets in any text: hidden are all their forms and nothing else, however
// the text was cut. The input: secrets separated by newlines, a NUL, the text.

#include "log/redact.h"

#include "base/text.h"
#include "fuzz/fuzz.h"
#include "unit/log_test_support.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cooper;
  const std::string_view input = fuzz::text_of(data, size);
  const std::size_t end = std::min(input.find('\0'), input.size());
  const std::string_view text = input.substr(std::min(end + 1, input.size()));
  const std::vector<std::string> secrets = log::secrets_from_lines(input.substr(0, end));

  const log::Redactor redactor(secrets);
  const std::string whole = redactor.redact(text);
  fuzz::require(whole == log::redacted_naively(secrets, text), "the union of all forms is hidden");

  log::RedactStream stream(redactor);
  std::string joined;
  fuzz::in_pieces(text, [&](std::string_view piece) { joined += stream.filter(piece); });
  joined += stream.flush();
  fuzz::require(joined == whole, "cuts make no difference");
  return 0;
}
