// LocalRack's verbs about the queue.

#include "base/error.h"
#include "build/queue.h"
#include "build/queue_resume.h"
#include "rack/local_rack.h"

#include <algorithm>

namespace cooper::rack {

std::vector<build::QueueEntry> LocalRack::list_queue() { return build::Queue(store_).list(); }

std::vector<std::string> LocalRack::resume_queue() {
  build::restore_places(store_, std::nullopt);  // of all at once: that asks the index alone
  return build::resume_queue(store_);
}

void LocalRack::find_places(std::vector<BuildView>& builds) const {
  const auto is_queued = [](const BuildView& view) { return view.status == DisplayStatus::queued; };
  if (std::ranges::none_of(builds, is_queued)) return;
  std::vector<build::QueueEntry> queue;
  try {
    queue = build::Queue(store_).list();
  } catch (const Error&) {  // adapter: another user's; the records tell the rest
  }
  for (BuildView& view : builds) {
    if (!is_queued(view)) continue;
    for (const build::QueueEntry& entry : queue) {
      if (entry.ticket.id == view.build.id && entry.ticket.app == view.build.app) {
        view.place = entry.place;
      }
    }
  }
}

}  // namespace cooper::rack
