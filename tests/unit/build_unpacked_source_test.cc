// A build's source as files, taken over from the build before.

#include "base/file.h"
#include "base/sha256.h"
#include "build/unpacked_source.h"
#include "source/pack.h"
#include "store/folders.h"
#include "unit/test_support.h"

#include <gmock/gmock.h>

#include <fcntl.h>
#include <functional>
#include <map>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <thread>
#include <vector>

namespace cooper::build {
namespace {

namespace fs = std::filesystem;

class Unpacked : public testing::Test {
 protected:
  void SetUp() override {
    write_text(folder() / "a", "one");
    write_text(folder() / "d/b", "two");
    write_text(folder() / "d/e/c", "three");
    fs::create_symlink("a", folder() / "link");
  }

  fs::path folder() const { return temp_ / "app"; }

  /// The source of a new build, opened.
  UnpackedSource open() {
    const BuildId id = new_build_id();
    const store::BuildFiles files = layout_.build(app_, id);
    store::make_folder(layout_, files.source.parent_path());
    const Fd out = open_file(files.source, O_WRONLY | O_CREAT | O_EXCL, 0600);
    const source::PackResult packed = source::pack({.folder = folder()}, out.get());
    UnpackedSource source(layout_, app_, id, hex(packed.tree));
    source.open({});
    EXPECT_EQ(tree_of(source.folder()), tree_of(folder()));
    return source;
  }

  /// Path to inode, mode, and content or target.
  static std::map<std::string, std::string> tree_of(const fs::path& root) {
    std::map<std::string, std::string> tree;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      std::string& shown = tree[entry.path().lexically_relative(root).string()];
      shown = std::to_string(mode_of(entry.path())) + " ";
      if (entry.is_symlink()) {
        shown += fs::read_symlink(entry.path()).string();
      } else if (entry.is_regular_file()) {
        shown += read_file(entry.path()).value();
      }
    }
    return tree;
  }
  static ino_t inode_of(const fs::path& path) {
    struct stat info {};
    EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
    return info.st_ino;
  }

  TempFolder temp_;
  store::Layout layout_{temp_ / "root"};
  AppName app_ = AppName::parse("shop").value();
};

TEST_F(Unpacked, TheNextBuildTakesItOver) {
  UnpackedSource first = open();
  const ino_t inode = inode_of(first.folder() / "d/e/c");
  first.keep();
  EXPECT_FALSE(fs::exists(first.folder()));
  UnpackedSource second = open();
  EXPECT_EQ(inode_of(second.folder() / "d/e/c"), inode);
  EXPECT_FALSE(fs::exists(layout_.kept_source(app_)));  // nobody else may have it now
  // Every file's digest is known.
  struct stat info {};
  ASSERT_EQ(::stat((second.folder() / "d/b").c_str(), &info), 0);
  EXPECT_EQ(second.digests().find(info), sha256("two"));
}

TEST_F(Unpacked, OnlyWhatChangedIsWritten) {
  UnpackedSource first = open();
  const ino_t inode = inode_of(first.folder() / "d/e/c");
  first.keep();
  const std::vector<std::function<void()>> changes{
      [&] { write_text(folder() / "a", "ONE"); },
      [&] { write_text(folder() / "a", "longer"); },
      [&] { ::chmod((folder() / "a").c_str(), 0755); },
      [&] { fs::remove(folder() / "d/b"); },
      [&] { fs::rename(folder() / "a", folder() / "z"); },
      [&] { fs::create_directories(folder() / "x/y/z"); },
      [&] { fs::remove_all(folder() / "x/y"); },
      [&] { fs::remove(folder() / "link"); },
      [&] { write_text(folder() / "link/file", "a folder now"); },
      [&] { ::chmod((folder() / "d").c_str(), 0711); },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    changes[i]();
    UnpackedSource next = open();
    EXPECT_EQ(inode_of(next.folder() / "d/e/c"), inode) << i;
    next.keep();
  }
}

TEST_F(Unpacked, WhatCanNotBeBroughtUpToDateIsUnpackedAnew) {
  UnpackedSource first = open();
  first.keep();
  fs::remove_all(folder() / "d");
  write_text(folder() / "d", "a file now");
  open().keep();
  EXPECT_TRUE(fs::exists(layout_.kept_source(app_)));
}

TEST_F(Unpacked, WhatWasChangedMeanwhileIsNotUsed) {
  const std::vector<std::function<void(const fs::path&)>> changes{
      [](const fs::path& kept) { write_text(kept / "source/a", "ten"); },
      [](const fs::path& kept) { write_text(kept / "source/more", ""); },
      [](const fs::path& kept) { fs::remove(kept / "source/d/b"); },
      [](const fs::path& kept) { ::chmod((kept / "source/a").c_str(), 0600); },
      [](const fs::path& kept) { write_text(kept / "known", "damaged"); },
      [](const fs::path& kept) { fs::resize_file(kept / "known", 100); },
      [](const fs::path& kept) { fs::remove(kept / "known"); },
      [](const fs::path& kept) { fs::remove_all(kept); },
      [](const fs::path& kept) {
        fs::remove_all(kept);
        write_text(kept, "no folder");
      },
      [this](const fs::path& kept) {
        fs::rename(kept / "source", temp_ / "elsewhere");
        fs::create_symlink(temp_ / "elsewhere", kept / "source");
      },
      [this](const fs::path& kept) {
        fs::remove_all(temp_ / "elsewhere");
        fs::rename(kept, temp_ / "elsewhere");
        fs::create_symlink(temp_ / "elsewhere", kept);
      },
  };
  for (const auto& change : changes) {
    open().keep();
    change(layout_.kept_source(app_));
    UnpackedSource next = open();  // expects the right tree
    fs::remove_all(layout_.kept_source(app_));
    next.keep();
  }
  EXPECT_TRUE(fs::exists(temp_ / "elsewhere/source/a"));
}

TEST_F(Unpacked, WhatAnotherBootKnewIsNotUsed) {
  const auto summed_for = [](std::string known, const std::string& boot) {
    known.resize(known.size() - sizeof(Sha256Digest));
    const Sha256Digest sum = sha256(boot + known);
    return known.append(reinterpret_cast<const char*>(sum.data()), sum.size());
  };
  open().keep();
  const fs::path known = layout_.kept_source(app_) / "known";
  const ino_t inode = inode_of(layout_.kept_source(app_) / "source/a");
  const Fd held = open_file(layout_.kept_source(app_) / "source/a", O_RDONLY);  // no other gets it
  const std::string before = read_file(known).value();
  ASSERT_EQ(summed_for(before, read_file("/proc/sys/kernel/random/boot_id").value()), before);
  write_text(known, summed_for(before, "00000000-0000-0000-0000-000000000000\n"));
  EXPECT_NE(inode_of(open().folder() / "a"), inode);
}

TEST_F(Unpacked, OfTwoAtOnceOneTakesIt) {
  open().keep();
  UnpackedSource first = open();
  UnpackedSource second = open();
  EXPECT_NE(first.folder(), second.folder());
  first.keep();
  second.keep();
  EXPECT_TRUE(fs::exists(layout_.kept_source(app_) / "source/a"));
  EXPECT_TRUE(fs::exists(second.folder()));  // goes with its build's scratch folder
}

TEST_F(Unpacked, WithoutADigestNothingIsKept) {
  const BuildId id = new_build_id();
  const store::BuildFiles files = layout_.build(app_, id);
  fs::create_directories(files.source.parent_path());
  {
    const Fd out = open_file(files.source, O_WRONLY | O_CREAT | O_EXCL, 0600);
    source::pack({.folder = folder()}, out.get());
  }
  UnpackedSource source(layout_, app_, id, "");
  source.open({});
  EXPECT_EQ(tree_of(source.folder()), tree_of(folder()));
  source.keep();
  EXPECT_FALSE(fs::exists(layout_.kept_source(app_)));
}

/// Its owner could neither read nor remove what root would leave.
TEST_F(Unpacked, RootNeitherKeepsNorTakesOneInSomebodysRoot) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give folders away";
  constexpr uid_t kSomebody = 65534;
  fs::create_directories(layout_.root());
  ASSERT_EQ(::chown(layout_.root().c_str(), kSomebody, kSomebody), 0);
  open().keep();
  EXPECT_FALSE(fs::exists(layout_.kept_source(app_)));
  // The owner's own stays his.
  write_text(layout_.kept_source(app_) / "source/a", "his");
  ASSERT_EQ(::chown(layout_.kept_source(app_).c_str(), kSomebody, kSomebody), 0);
  open().keep();
  EXPECT_EQ(read_file(layout_.kept_source(app_) / "source/a"), "his");
}

TEST_F(Unpacked, IsNotKeptOnAnotherFileSystem) {
  bool can_mount = true;
  std::jthread([&] {  // its mounts go with it
    open();           // makes the folders
    const std::string kept = layout_.kept_source(app_).parent_path().string();
    fs::create_directories(kept);
    can_mount = ::unshare(CLONE_NEWNS) == 0 &&
                ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                ::mount(kept.c_str(), kept.c_str(), nullptr, MS_BIND, nullptr) == 0;
    if (!can_mount) return;
    UnpackedSource source = open();
    EXPECT_NO_THROW(source.keep());
    EXPECT_FALSE(fs::exists(layout_.kept_source(app_)));
    EXPECT_TRUE(fs::exists(source.folder()));
  })
      .join();
  if (!can_mount) GTEST_SKIP() << "can't mount here";
}

TEST_F(Unpacked, IsForgottenWithItsApp) {
  open().keep();
  write_text(layout_.stat_cache(app_), "");
  forget_source(layout_, app_);
  forget_source(layout_, app_);
  EXPECT_FALSE(fs::exists(layout_.kept_source(app_)));
  EXPECT_FALSE(fs::exists(layout_.stat_cache(app_)));
}

}  // namespace
}  // namespace cooper::build
