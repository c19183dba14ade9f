#include "build/erase_log.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"
#include "build/prune.h"
#include "model/json.h"

#include <cstdint>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>

namespace cooper::build {

namespace {

constexpr std::string_view kErased = "(erased)";

void require_ended(const Build& build) {
  const std::string id = build.id.str();
  const std::string app = build.app.str();
  if (is_terminal(build.status)) return;
  if (build.status == Status::running && !process_lives(build)) {
    throw Error(Errc::conflict, "build " + id + " is abandoned, and its log unfinished",
                "clean it up first: cooper builds prune -a " + app);
  }
  throw Error(Errc::conflict, "build " + id + " still writes its log",
              "cancel it first: cooper builds cancel " + id + " -a " + app);
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

/// As much as `cooper builds` reads of them. What is larger is nobody's steps.
constexpr std::size_t kMaxStepsBytes = std::size_t{64} << 20;

void erase_steps(const std::filesystem::path& file, mode_t mode) {
  const Fd fd = find_regular_file(file, O_RDONLY);
  if (!fd) return;
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) throw_errno("stat " + file.string());
  if (static_cast<std::uint64_t>(info.st_size) > kMaxStepsBytes) {
    remove_file(file);
    return;
  }
  const std::string steps = read_open_file(fd, file.string(), kMaxStepsBytes);
  write_file_durably(file, without_output(steps), mode);
}

void erase_output(const store::Layout& layout, const store::BuildFiles& files,
                  const std::string& note) {
  const mode_t mode = layout.log_mode();
  // A new file in its place, not the old one made shorter: who still has that
  // open (a tee that ends late) writes nothing into this one.
  write_file_durably(files.log, "[cooper] this log was erased: " + note + "\n", mode);
  for (const std::filesystem::path& tail : files.log_tails) remove_file(tail);
  remove_file(files.request);  // build arguments, or a command's words
  erase_steps(files.steps, mode);
}

/// Its record can't be read, nor say that its log was erased.
Build erase_unreadable(store::FileStore& store, const AppName& app, const BuildId& id,
                       const std::string& note) {
  const auto locked = store.lock_endings(app);
  if (!locked) throw Error(Errc::not_found, "no build " + id.str() + " of app " + app.str());
  erase_output(store.layout(), store.layout().build(app, id), note);
  return {.id = id, .app = app, .log_erased = note};
}

bool is_unreadable(const store::FileStore& store, const AppName& app, const BuildId& id) {
  try {
    store.find_build(app, id);
    return false;
  } catch (const Error& error) {  // adapter: an answer here
    if (error.code() != Errc::corrupt) throw;
    return true;
  }
}

}  // namespace

Build erase_log(store::FileStore& store, const AppName& app, const BuildId& id,
                std::string_view who, Time when) {
  const std::string note =
      to_rfc3339({when}, Fraction::dropped) + " by " + shorten(printable(who), 100);
  if (is_unreadable(store, app, id)) return erase_unreadable(store, app, id, note);
  // While the records are locked: a build that is removed meanwhile gets no new log.
  return store.change_build(app, id, [&](Build& build) {
    require_ended(build);
    erase_output(store.layout(), store.layout().build(build.app, build.id), note);
    if (!build.reason.empty()) build.reason = kErased;
    build.log_erased = note;
  });
}

}  // namespace cooper::build
