// Any text as convox.yml: it is refused with a place in the text, or read into
// a manifest that keeps its promises.

#include "manifest/manifest.h"

#include "base/text.h"
#include "fuzz/fuzz.h"

#include <algorithm>
#include <filesystem>

namespace {

using namespace cooper;
using fuzz::require;

bool is_normal_beneath(const std::filesystem::path& path) {
  return path.is_relative() && path == path.lexically_normal() && *path.begin() != "..";
}

void check(const manifest::Manifest& manifest, std::string_view text) {
  require(!manifest.services.empty(), "at least one service");
  for (const manifest::Service& service : manifest.services) {
    require(service.line >= 1 && service.line <= std::ranges::count(text, '\n') + 1,
            "a service stands in the text");
    require(is_normal_beneath(service.path), "the path is normal and beneath the source");
    require(is_normal_beneath(
                (std::filesystem::path(service.path) / service.dockerfile).lexically_normal()),
            "the Dockerfile is beneath the source");
    require(!service.image.starts_with('-'), "an image is no option");
    for (const auto& [name, value] : service.args)
      require(!name.empty() && name.find('=') == std::string::npos, "an argument has a name");
  }
}

void check(const Error& error, std::string_view text) {
  const std::string& message = error.message();
  require(error.code() == Errc::invalid && !error.hint().empty(), "the error helps");
  require(printable(message) == message, "the message is one harmless line");
  require(message.starts_with("convox.yml:") && message.size() < 500, "it names the file");
  const std::vector<std::string_view> parts = split(message, ':');
  const auto line = parse_number(parts[1]);
  if (!line) return;  // the whole file is too large
  require(*line >= 1 && *line <= static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1,
          "the line is in the text");
  const auto column = parse_number(parts[2]);
  const std::string_view whole = split(text, '\n')[*line - 1];
  require(column && *column >= 1 && *column <= whole.size() + 1, "the column is in the line");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  manifest::ParseOptions options;
  options.variables = {{"A", "api"}, {"B", "x: [y\n- \"z"}, {"EMPTY", ""}};
  const Result<manifest::Manifest> manifest = manifest::parse_manifest(text, options);
  if (manifest) {
    check(*manifest, text);
  } else {
    check(manifest.error(), text);
  }
  return 0;
}
