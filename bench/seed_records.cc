// seed_records ROOT APPS RECORDS: makes a data root with so many apps and so many
// finished builds of each, with small logs, and one running build (init's process,
// so it is abandoned or not as its start says) in every hundredth app. Nothing is
// synced: this is for measuring how they are read.

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"
#include "model/json.h"
#include "store/layout.h"

#include <chrono>
#include <cstdio>
#include <fcntl.h>
#include <string>
#include <string_view>

namespace {

using namespace cooper;

void write_plainly(const Fd& folder, const std::string& name, std::string_view text) {
  const Fd fd(::openat(folder.get(), name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd) throw_errno("write " + name);
  write_all(fd.get(), text);
}

Fd make_folder(const std::filesystem::path& path) {
  std::filesystem::create_directories(path);
  return open_file(path, O_RDONLY | O_DIRECTORY);
}

/// What new_build_id would have made at that time.
BuildId id_at(Time started, std::uint64_t number) {
  auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(started.time_since_epoch());
  std::string id(14, '0');
  constexpr const char* kDigits = "0123456789abcdefghijklmnopqrstuvwxyz";
  auto clock = rest.count();
  for (std::size_t i = 8; i-- > 0; clock /= 36) id[i] = kDigits[clock % 36];
  for (std::size_t i = 14; i-- > 8; number /= 36) id[i] = kDigits[number % 36];
  return BuildId::parse(id).value();
}

Build build_of(const AppName& app, std::uint64_t number, Time started) {
  constexpr std::string_view kSources[] = {"git-hook", "ps:rebuild", "deploy", "config-redeploy"};
  Build build{.id = id_at(started, number),
              .app = app,
              .pid = static_cast<std::int64_t>(4'000'000 + number % 100'000),
              .started_at = {started},
              .finished_at = Timestamp{started + std::chrono::seconds{74}},
              .status = number % 7 == 3 ? Status::failed : Status::succeeded,
              .source = std::string(kSources[number % 4]),
              .exit_code = number % 7 == 3 ? 1 : 0};
  build.kind = kind_of_source(build.source);
  return build;
}

void seed(const store::Layout& layout, std::uint64_t apps, std::uint64_t records) {
  const Time end = now();
  std::uint64_t number = 0;
  for (std::uint64_t i = 0; i < apps; ++i) {
    const AppName app = AppName::parse("app-" + std::to_string(i)).value();
    write_plainly(make_folder(layout.app(app)), "app.json", to_json(App{app, {end}}));
    const Fd folder = make_folder(layout.builds(app));
    for (std::uint64_t k = 0; k < records; ++k) {
      // The apps take turns, so that the newest builds are of many apps.
      const std::chrono::seconds age{static_cast<std::int64_t>(((records - k) * apps - i) * 7)};
      Build build = build_of(app, ++number, end - age);
      if (k + 1 == records && i % 100 == 0) {
        build.status = Status::running;
        build.finished_at.reset();
        build.exit_code.reset();
      }
      write_plainly(folder, build.id.str() + ".json", to_json(build));
      write_plainly(folder, build.id.str() + ".log", "-----> building\n-----> done\n");
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto apps = cooper::parse_number(argc == 4 ? argv[2] : "");
  const auto records = cooper::parse_number(argc == 4 ? argv[3] : "");
  if (!apps || !records) {
    std::fputs("usage: seed_records ROOT APPS RECORDS\n", stderr);
    return 2;
  }
  seed(cooper::store::Layout(argv[1]), *apps, *records);
}
