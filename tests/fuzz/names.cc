// Any bytes as a name: refused with a harmless reason, or a single part of a path that
// leads nowhere else and reads as no option.

#include "fuzz/fuzz.h"
#include "store/layout.h"

#include <algorithm>

namespace {

using namespace cooper;

bool is_visible(char c) { return c > 0x20 && c < 0x7F; }

template <class Name>
void check(std::string_view text) {
  const Result<Name> name = Name::parse(text);
  if (!name) {
    const std::string reason = name.error().message();
    fuzz::require(
        std::ranges::all_of(reason, [](char c) { return c == ' ' || is_visible(c) || c < 0; }),
        "a reason holds nothing that a terminal obeys");
    return;
  }
  fuzz::require(name->str() == text, "a name is what it was made of");
  fuzz::require(!text.empty() && text.size() <= 255, "it fits a folder");
  fuzz::require(text.front() != '-' && text.front() != '.', "it is no option, nor hidden");
  fuzz::require(std::ranges::all_of(text, is_visible), "all of it is visible");
  fuzz::require(text.find('/') == std::string_view::npos, "it is one part of a path");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check<AppName>(text);
  check<BuildId>(text);
  check<ReleaseId>(text);
  check<ServiceName>(text);
  check<PropertyKey>(text);
  if (const Result<AppName> app = AppName::parse(text)) {
    const store::Layout layout("/root");
    const std::filesystem::path place = layout.builds(*app);
    fuzz::require(place.lexically_normal() == place && place.parent_path() == layout.builds(),
                  "an app's folder is among those of the others");
  }
  return 0;
}
