#pragma once
// Server-sent events (WHATWG HTML, 9.2): what is followed as `text/event-stream`. Each event's data
// is one line of JSON. While nothing happens a comment comes every 15 seconds, so that whoever is
// between sees that the connection lives.

#include "base/time.h"
#include "model/names.h"
#include "rack/rack.h"
#include "server/request.h"

#include <cstdint>
#include <optional>

namespace cooper::server {

/// `log` events: `from` and `text`; the id is the byte offset where the next one begins, also after
/// bytes that are no UTF-8, which are U+FFFD in the text. Last an `end` event with the build.
/// Begins at the request's Last-Event-ID, else at `from`.
Answer log_events(rack::Rack& rack, const Request& request, const AppName& app, const BuildId& id,
                  std::uint64_t from);

/// `step` events: each step as it ends, also those that ended before. The id is an offset in the
/// file of steps; otherwise as log_events.
Answer step_events(rack::Rack& rack, const Request& request, const AppName& app, const BuildId& id);

/// `build` events: a build's record after each change, and `removed` events with `app` and `id`
/// alone; of one app, or of all. The id is a time: with it as Last-Event-ID come also builds that
/// began or ended since then, as far as they began within a day before: rather twice than never.
/// Never ends by itself.
Answer build_events(const Request& request, const std::optional<AppName>& app);

}  // namespace cooper::server
