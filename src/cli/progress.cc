#include "cli/progress.h"

#include "base/text.h"

#include <string>

namespace cooper::cli {

void Progress::phase(std::string_view name) {
  out_.write(printable(name) + "... ");
  line_open_ = true;
}

void Progress::phase_done(std::string_view how) {
  out_.write(std::string(how) + "\n");
  line_open_ = false;
}

void Progress::notice(std::string_view text) {
  end_line();
  context_.err.write(printable(text) + "\n");
}

void Progress::end_line() {
  if (line_open_) out_.write("\n");
  line_open_ = false;
}

}  // namespace cooper::cli
