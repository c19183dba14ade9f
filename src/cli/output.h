#pragma once
// The standard streams, and whether they take colours.

#include "base/output.h"
#include "cli/style.h"

namespace cooper::cli {

/// A standard stream as the command line sees it.
class Output : public cooper::Output {
 public:
  using cooper::Output::Output;

  Colours colours() const noexcept { return colours_; }
  void set_colours(Colours colours) noexcept { colours_ = colours; }

 private:
  Colours colours_ = Colours::off;
};

}  // namespace cooper::cli
