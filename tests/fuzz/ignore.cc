// Any ignore file and any path: what the rules say of a folder holds for what is
// in it, so that a walk that trusts it loses nothing. The input: a path, a
// newline, the rules.

#include "source/ignore.h"

#include "base/text.h"
#include "fuzz/fuzz.h"

#include <algorithm>
#include <optional>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cooper;
  using source::IgnorePattern;
  const std::string_view input = fuzz::text_of(data, size);
  const std::size_t end = std::min(input.find('\n'), input.size());
  const std::optional<std::string> folder = normal_path(input.substr(0, end));
  const std::string_view text = input.substr(std::min(end + 1, input.size()));
  const auto rules = source::IgnoreRules::parse(text);
  const auto pattern = IgnorePattern::compile(text);
  if (!folder || folder->empty()) return 0;

  for (const char* name : {"x", "a.md", "\xc3\xa9/b"}) {
    const std::string beneath = *folder + "/" + name;
    if (rules) {
      const bool excluded = rules->excludes(*folder);
      if (excluded && !rules->may_include_beneath(*folder)) {
        fuzz::require(rules->excludes(beneath), "nothing comes back where nothing may");
      }
      if (!excluded && !rules->may_exclude_beneath(*folder)) {
        fuzz::require(!rules->excludes(beneath), "nothing is excluded where nothing may be");
      }
    }
    if (!pattern) continue;
    const IgnorePattern::Match match = pattern->match(*folder);
    if (match == IgnorePattern::Match::maybe_beneath) continue;
    fuzz::require(pattern->match(beneath) == match, "a folder's match is that of all beneath it");
  }
  return 0;
}
