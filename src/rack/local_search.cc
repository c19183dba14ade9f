// LocalRack::search_logs.

#include "base/error.h"
#include "base/text.h"
#include "rack/local_rack.h"

#include <algorithm>
#include <fcntl.h>
#include <iterator>

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

SearchEnd LocalRack::search_logs(const LogSearch& search,
                                 const std::function<bool(const LogHit&)>& found,
                                 std::stop_token stop) {
  log::TextSearch text(search.text, search.letters);
  Fd root;
  std::vector<std::string> unread;
  // One log after the other, as their records are found: there may be very many.
  SearchEnd end;
  end.warnings = visit_builds(search.builds, [&](BuildView&& view) {
    try {
      if (!root) root = open_file(layout_.root(), O_RDONLY | O_DIRECTORY);
      const Fd log = open_log(layout_, root, view.build);
      const auto deliver = [&](const log::SearchHit& hit) {
        return found({.build = view.build, .hit = hit});
      };
      return !log || text.run(log, deliver, stop);
    } catch (const Error& error) {  // boundary: one log that can't be read must not hide the others
      if (!end.unread) end.unread = error.code();
      unread.push_back("log of " + view.build.app.str() + "/" + view.build.id.str() + ": " +
                       printable(error.message()));
      return true;
    }
  });
  std::ranges::move(unread, std::back_inserter(end.warnings));
  return end;
}

}  // namespace cooper::rack
