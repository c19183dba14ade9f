// Any bytes as a record, release, app or step: refused, or read, and then what is
// written reads back the same, with every field that cooper does not know.

#include "fuzz/fuzz.h"
#include "model/json.h"

#include <boost/json.hpp>

namespace {

using namespace cooper;

const BuildId kBuild = BuildId::parse("b1").value();
const AppName kApp = AppName::parse("hello").value();

/// Holds no byte that a terminal would obey, nor the start of such a character.
bool is_harmless(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte < 0x20 && byte != '\n') || byte == 0x7F) return false;
    if (byte == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0) return false;
  }
  return true;
}

template <class Value, class Parse>
void check(const Result<Value>& read, const Parse& parse) {
  if (!read) return;
  const std::string text = to_json(*read);
  const Result<Value> again = parse(text);
  fuzz::require(again.has_value(), "what was written can be read");
  fuzz::require(to_json(*again) == text, "and is written the same");
}

void check_unknown_fields(const Build& build) {
  const auto written = boost::json::parse(to_json(build)).as_object();
  for (const auto& [key, text] : build.unknown_fields) {
    const auto* kept = written.if_contains(key);
    fuzz::require(kept != nullptr, "a field that is not known stays");
    fuzz::require(boost::json::serialize(*kept) == text, "with its value");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::text_of(data, size);
  const Result<Build> build = parse_build(input, kBuild, kApp);
  check(build, [](std::string_view text) { return parse_build(text, kBuild, kApp); });
  if (build) {
    fuzz::require(build->id == kBuild && build->app == kApp, "its name is the file's");
    fuzz::require(is_harmless(to_json(*build)), "a record's text harms no terminal");
    check_unknown_fields(*build);
  }
  const ReleaseId release = ReleaseId::parse("r1").value();
  check(parse_release(input, release, kApp),
        [&](std::string_view text) { return parse_release(text, release, kApp); });
  check(parse_app(input, kApp), [](std::string_view text) { return parse_app(text, kApp); });
  if (const Result<Step> step = parse_step(input)) {
    const std::string line = to_json_line(*step);
    fuzz::require(line.find('\n') == line.size() - 1, "a step is one line");
    fuzz::require(parse_step(line).has_value(), "that can be read");
  }
  return 0;
}
