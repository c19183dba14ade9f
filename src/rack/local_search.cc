// LocalRack::search_logs.

#include "base/error.h"
#include "base/text.h"
#include "rack/local_rack.h"

#include <fcntl.h>

namespace cooper::rack {

namespace {

/// Without waiting for a writer, if it is no log but a pipe in its place.
Fd open_log(const store::Layout& layout, const Fd& root, const Build& build) {
  const std::filesystem::path log = layout.build(build.app, build.id).log;
  try {
    return open_beneath(root, log.lexically_relative(layout.root()), O_RDONLY | O_NONBLOCK);
  } catch (const Error& error) {  // adapter: no log holds no text
    if (error.code() == Errc::not_found) return {};
    throw;
  }
}

}  // namespace

std::vector<std::string> LocalRack::search_logs(const LogSearch& search,
                                                const std::function<bool(const LogHit&)>& found,
                                                std::stop_token stop) {
  log::TextSearch text(search.text, search.letters);
  BuildPage page = find_builds(search.builds);
  if (page.builds.empty()) return std::move(page.warnings);
  const Fd root = open_file(layout_.root(), O_RDONLY | O_DIRECTORY);
  for (const BuildView& view : page.builds) {
    try {
      const Fd log = open_log(layout_, root, view.build);
      const auto deliver = [&](const log::SearchHit& hit) {
        return found({.build = view.build, .hit = hit});
      };
      if (log && !text.run(log, deliver, stop)) break;
    } catch (const Error& error) {  // boundary: one log that can't be read must not hide the others
      page.warnings.push_back("log of " + view.build.app.str() + "/" + view.build.id.str() + ": " +
                              printable(error.message()));
    }
  }
  return std::move(page.warnings);
}

}  // namespace cooper::rack
