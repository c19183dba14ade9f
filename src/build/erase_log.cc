#include "build/erase_log.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"
#include "build/prune.h"
#include "model/json.h"

#include <fcntl.h>
#include <string>

namespace cooper::build {

namespace {

constexpr std::string_view kErased = "(erased)";

Build require_ended(const store::FileStore& store, const AppName& app, const BuildId& id) {
  const std::optional<Build> build = store.find_build(app, id);
  if (!build) throw Error(Errc::not_found, "no build " + id.str() + " of app " + app.str());
  if (is_terminal(build->status)) return *build;
  if (build->status == Status::running && !process_lives(*build)) {
    throw Error(Errc::conflict, "build " + id.str() + " is abandoned, and its log unfinished",
                "clean it up first: cooper builds prune -a " + app.str());
  }
  throw Error(Errc::conflict, "build " + id.str() + " still writes its log",
              "cancel it first: cooper builds cancel " + id.str() + " -a " + app.str());
}

/// What is left of the steps: when each was, and how it went.
std::string without_output(std::string_view steps) {
  std::string text;
  for (const std::string_view line : split(steps, '\n')) {
    Result<Step> step = parse_step(line);
    if (!step) continue;
    step->text = kErased;
    step->log_begin = 0;
    step->log_end = 0;
    text += to_json_line(*step);
  }
  return text;
}

}  // namespace

Build erase_log(store::FileStore& store, const AppName& app, const BuildId& id,
                std::string_view who, Time when) {
  const Build build = require_ended(store, app, id);
  const std::string note =
      to_rfc3339({when}, Fraction::dropped) + " by " + shorten(printable(who), 100);
  const store::BuildFiles files = store.layout().build(build.app, build.id);
  const mode_t mode = store.layout().log_mode();
  // A new file in its place, not the old one made shorter: who still has that
  // open (a tee that ends late) writes nothing into this one.
  write_file_durably(files.log, "[cooper] this log was erased: " + note + "\n", mode);
  for (const std::filesystem::path& tail : files.log_tails) remove_file(tail);
  if (const Fd fd = find_regular_file(files.steps, O_RDONLY)) {
    const std::string steps = read_open_file(fd, files.steps.string(), std::size_t{256} << 20);
    write_file_durably(files.steps, without_output(steps), mode);
  }
  return store.change_build(app, id, [&](Build& current) {
    if (!current.reason.empty()) current.reason = kErased;
    current.log_erased = note;
  });
}

}  // namespace cooper::build
