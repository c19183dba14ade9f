#pragma once
// What a verb says on its way, for somebody who gets one answer at its end.

#include "rack/rack.h"

namespace cooper::server {

/// Phases are for people who watch.
class NoProgress : public rack::StartProgress {
 public:
  void phase(std::string_view /*name*/) override {}
  void phase_done() override {}
  void notice(std::string_view /*text*/) override {}
};

}  // namespace cooper::server
