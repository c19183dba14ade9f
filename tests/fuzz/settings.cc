// Any bytes in a property's file: settings that a build can work with, and a
// warning that harms no terminal. The input: the key, a newline, the file.

#include "build/settings.h"

#include "base/file.h"
#include "base/text.h"
#include "build/properties.h"
#include "fuzz/fuzz.h"
#include "store/file_store.h"
#include "unit/test_support.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cooper;
  static const TempFolder folder;
  static const store::FileStore store{store::Layout(folder.path())};
  static const AppName app = AppName::parse("hello").value();

  const std::string_view input = fuzz::text_of(data, size);
  const std::size_t end = std::min(input.find('\n'), input.size());
  const auto key = PropertyKey::parse(input.substr(0, end));
  if (!key) return 0;
  const std::string_view value = input.substr(std::min(end + 1, input.size()));
  const auto file = store.layout().properties(&app) / key->str();
  make_folders(file.parent_path());
  write_text(file, value);

  std::vector<std::string> warnings;
  const build::Settings settings = build::read_settings(store, app, warnings);
  remove_file(file);
  const bool good = build::check_property(key->str(), std::string(value)).has_value();
  if (good) fuzz::require(warnings.empty(), "a good value is taken as it is");
  fuzz::require(settings.retention.count >= 1, "a build can be kept");
  fuzz::require(settings.timeout.count() >= 0 && settings.retention.age.count() >= 0,
                "no time is negative");
  for (const std::string& warning : warnings) {
    fuzz::require(printable(warning) == warning, "a warning harms no terminal");
  }
  return 0;
}
