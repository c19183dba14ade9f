#pragma once
// A command line on a data root of its own, with captured streams.

#include "cli/cli.h"
#include "rack/local_rack.h"
#include "store/file_store.h"
#include "unit/test_support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sys/mman.h>

namespace cooper::cli {

/// What a command printed, and how it ended.
struct Ran {
  int code;
  std::string out;
  std::string err;
};

/// A stream into memory.
class Capture {
 public:
  Capture() : fd_(::memfd_create("capture", MFD_CLOEXEC)), output_(fd_.get()) {}
  Output& output() { return output_; }
  std::string text() const {
    ::lseek(fd_.get(), 0, SEEK_SET);
    return read_open_file(fd_, "capture", 1 << 24);
  }

 private:
  Fd fd_;
  Output output_;
};

/// Runs commands against `rack` (by default a LocalRack on a folder of its own).
class CliTest : public testing::Test {
 protected:
  CliTest() : layout_(root_.path()), store_(layout_), rack_(layout_) {}

  Ran run(std::vector<std::string> words) { return run_on(rack_, std::move(words)); }

  Ran run_on(rack::Rack& rack, std::vector<std::string> words) {
    Capture out;
    Capture err;
    Context context{.rack = rack,
                    .out = out.output(),
                    .err = err.output(),
                    .variable = [this](const char* name) { return variables_[name]; },
                    .clock = [this] { return clock_; },
                    .folder = folder_};
    const int code = execute(context, words);
    return {code, out.text(), err.text()};
  }

  static AppName app(std::string_view name = "hello") { return AppName::parse(name).value(); }
  static BuildId id(std::string_view text) { return BuildId::parse(text).value(); }

  /// A record, started `age` ago; running builds are this process.
  Build add_build(std::string_view name, Status status, std::chrono::seconds age = {},
                  std::chrono::seconds took = {}) {
    if (!store_.find_app(app())) store_.create_app(app());
    Build build{.id = id(name),
                .app = app(),
                .pid = ::getpid(),
                .started_at = {clock_ - age},
                .status = status,
                .description = "about " + std::string(name)};
    if (is_terminal(status)) {
      build.finished_at = Timestamp{clock_ - age + took};
      build.exit_code = status == Status::succeeded ? 0 : status == Status::failed ? 1 : -1;
    }
    if (status == Status::succeeded) build.release = "r" + std::string(name);
    store_.insert_build(build);
    return build;
  }

  void add_release(std::string_view name, std::string_view build) {
    store_.insert_release({.id = ReleaseId::parse(name).value(),
                           .app = app(),
                           .build = std::string(build),
                           .description = "about " + std::string(build),
                           .manifest = "services:\n",
                           .created_at = {clock_ - std::chrono::hours{1}},
                           .environment = {{"TOKEN", "s3cret"}},
                           .images = {{"web", "localhost/hello:web.b1"}}});
  }

  void write_log(std::string_view name, std::string_view text) {
    write_text(layout_.build(app(), id(name)).log, text);
  }

  TempFolder root_;
  store::Layout layout_;
  store::FileStore store_;
  rack::LocalRack rack_;
  std::map<std::string, std::string> variables_;
  Time clock_ = now();
  std::filesystem::path folder_ = root_.path();
};

}  // namespace cooper::cli
