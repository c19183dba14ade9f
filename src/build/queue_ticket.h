#pragma once
// The text of a ticket's file.

#include "base/error.h"
#include "build/queue_order.h"

#include <string>
#include <string_view>

namespace cooper::build {

/// One line of JSON, filled up with spaces.
std::string to_text(const QueueTicket& ticket);
/// `id`: as the file is called. Only the first line counts: a longer text that it was written over
/// may show behind it. The state is waiting or running, as written.
[[nodiscard]] Result<QueueTicket> parse_ticket(std::string_view text, const BuildId& id);

}  // namespace cooper::build
