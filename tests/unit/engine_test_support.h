#pragma once
// What the tests with a real buildah share: an image store of their own, a base
// image made of busybox, a recorder, and looking for what a build left behind.

#include "base/error.h"
#include "base/file.h"
#include "engine/buildah.h"
#include "process/cgroup.h"
#include "process/child.h"
#include "process/descendants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <unistd.h>
#include <vector>

namespace cooper::engine {

namespace fs = std::filesystem;

/// Writes down what an engine reports, and calls `on_output` whenever output came.
class Recorder : public Progress {
 public:
  void output(std::string_view bytes) override {
    shown += bytes;
    if (on_output) on_output();
  }
  void idle() override {}
  void step_started(std::string_view text) override { steps.emplace_back(text); }
  void step_cached() override { steps.back() += " (cached)"; }
  void step_finished(std::optional<int> exit_code) override { last_exit = exit_code; }
  std::uint64_t position() const override { return 0; }
  void step_ended(const EndedStep& /*step*/) override {}

  std::string shown;
  std::vector<std::string> steps;
  std::optional<int> last_exit = -1;
  std::function<void()> on_output;
};

/// One image store and base image for all tests; a build's folders for each.
class BuildahTest : public testing::Test {
 protected:
  static constexpr const char* kBase = "localhost/base:latest";

  static void SetUpTestSuite() {
    const char* busybox = "/bin/busybox";
    if (::geteuid() != 0 || ::access(busybox, X_OK) != 0 || !has_buildah()) return;
    if (!store().empty()) return;
    std::string folder = testing::TempDir() + "buildah-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    store() = folder;
    write(store() / "storage.conf", "[storage]\ndriver = \"overlay\"\ngraphroot = \"" + folder +
                                        "/graph\"\nrunroot = \"" + folder + "/run\"\n");
    ::setenv("CONTAINERS_STORAGE_CONF", (store() / "storage.conf").c_str(), 1);
    process::become_subreaper();
    make_folders(store() / "base");
    fs::copy_file(busybox, store() / "base/busybox");
    write(store() / "base/Dockerfile",
          "FROM scratch\nCOPY busybox /bin/busybox\n"
          "RUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\n");
    BuildahEngine engine(context("base"));
    Recorder progress;
    const ImageResult made = engine.make({.service = "base",
                                          .context = store() / "base",
                                          .dockerfile = store() / "base/Dockerfile",
                                          .tags = {kBase}},
                                         progress, {});
    ASSERT_EQ(made.end, ImageResult::End::made) << made.reason << "\n" << progress.shown;
    static const RemoveStore at_exit;
  }

  void SetUp() override {
    if (store().empty()) GTEST_SKIP() << "needs root, buildah and busybox-static";
    const char* name = testing::UnitTest::GetInstance()->current_test_info()->name();
    // The process: another run of the tests has cgroups of its own.
    id_ = "t-" + std::to_string(::getpid()) + "-" + name;
    folder_ = store() / id_;
    make_folders(folder_ / "source");
    cgroup_ = process::Cgroup::create(id_, {});
    engine_ = std::make_unique<BuildahEngine>(context(id_, cgroup_));
  }

  void TearDown() override {
    if (cgroup_) cgroup_->remove();
    if (!folder_.empty()) remove_tree(folder_);
  }

  static BuildContext context(const std::string& id,
                              const std::optional<process::Cgroup>& cgroup = {}) {
    return {.build = BuildId::parse(id).value(),
            .work = store() / id / "work",
            .cgroup_parent = cgroup ? cgroup->parent_path() : "",
            .cgroups = cgroup ? cgroup->join_folders() : std::vector<fs::path>{},
            .cache = store() / "cache"};
  }

  /// A request for an image of this Dockerfile.
  ImageRequest request(const std::string& dockerfile, const std::string& service = "web") const {
    const fs::path file = folder_ / "source" / ("Dockerfile." + service);
    write(file, dockerfile);
    return {.service = service,
            .context = folder_ / "source",
            .dockerfile = file,
            .tags = {"localhost/app:" + service + "." + id_}};
  }

  ImageResult make(const ImageRequest& request, std::stop_token stop = {}) {
    progress_ = {};
    return engine_->make(request, progress_, std::move(stop));
  }

  static std::string ask(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "buildah");
    const process::Captured answer =
        process::run({.argv = std::move(arguments), .environment = process::own_environment()});
    return answer.out;
  }

  /// Working containers, mounts, processes that are there; one a line.
  std::string left_over() const {
    std::string left = ask({"containers", "--quiet"});
    const std::string listed =
        read_file(store() / "graph/overlay-containers/containers.json").value_or("[]");
    if (listed != "[]" && !listed.empty()) left += "listed: " + listed + "\n";
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
      if (line.find(store().string() + "/") != std::string::npos) left += "mount: " + line + "\n";
    }
    for (const fs::path& file : process_lists()) {
      for (std::string pid; const char c : read_file(file).value_or("")) {
        if (c != '\n') {
          pid += c;
          continue;
        }
        left += "process " + pid + " in " + file.string() + "\n";
        pid.clear();
      }
    }
    return left;
  }

  static void write(const fs::path& file, const std::string& text) {
    std::ofstream(file, std::ios::trunc) << text;
  }

  static fs::path& store() {
    static fs::path folder;
    return folder;
  }

  std::string id_;
  fs::path folder_;
  std::optional<process::Cgroup> cgroup_;
  std::unique_ptr<BuildahEngine> engine_;
  Recorder progress_;

 private:
  struct RemoveStore {
    ~RemoveStore() {
      try {
        remove_tree(store());
      } catch (const Error& error) {  // a mount that a failed test left
        ADD_FAILURE() << error.message();
      }
    }
  };

  static bool has_buildah() {
    return ::access("/usr/bin/buildah", X_OK) == 0 || ::access("/usr/local/bin/buildah", X_OK) == 0;
  }

  /// cgroup.procs of every group of this build, in every hierarchy.
  std::vector<fs::path> process_lists() const {
    std::vector<fs::path> files;
    for (const fs::directory_entry& hierarchy : fs::directory_iterator("/sys/fs/cgroup")) {
      const fs::path group = hierarchy.path() / "cooper" / id_;
      std::error_code absent;
      if (!fs::is_directory(group, absent)) continue;
      files.push_back(group / "cgroup.procs");
      for (const fs::directory_entry& below : fs::recursive_directory_iterator(group)) {
        if (below.is_directory()) files.push_back(below.path() / "cgroup.procs");
      }
    }
    return files;
  }
};

}  // namespace cooper::engine
