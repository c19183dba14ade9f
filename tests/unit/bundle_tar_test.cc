// Tar headers, as others read them.

#include "bundle/tar_blocks.h"
#include "source/archive_reader.h"
#include "unit/source_test_support.h"

namespace cooper::bundle {
namespace {

using source::ArchiveReader;
using source::memory_file;

std::string entry(std::string_view path, std::string_view content) {
  std::string text = tar_header({.path = path, .size = content.size(), .mode = 0600, .mtime = 7});
  text += content;
  return text.append(tar_padding(content.size()), '\0');
}

TEST(TarBlocks, AreWhatOthersRead) {
  const std::string long_name(180, 'n');
  const std::string hundred(100, 'h');
  std::string tar = entry("a", "some content") + entry("empty", "") + entry(long_name, "long") +
                    entry(hundred, std::string(kTarBlock, 'x'));
  tar.append(kTarEnd, '\0');
  const Fd file = memory_file(tar);
  ArchiveReader reader(file.get());
  for (const auto& [path, content] : {std::pair<std::string, std::string>{"a", "some content"},
                                      {"empty", ""},
                                      {long_name, "long"},
                                      {hundred, std::string(kTarBlock, 'x')}}) {
    const auto found = reader.next();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->path, path);
    EXPECT_EQ(found->mode, 0600U);
    EXPECT_EQ(found->mtime, 7);
    EXPECT_EQ(found->kind, source::ArchiveEntry::Kind::file);
    std::string all;
    for (auto part = reader.content(); !part.empty(); part = reader.content()) all += part;
    EXPECT_EQ(all, content);
  }
  EXPECT_FALSE(reader.next());
}

TEST(TarBlocks, HoldSizesBeyondEightGigabytes) {
  for (const std::uint64_t size :
       {(std::uint64_t{1} << 33) - 1, std::uint64_t{1} << 33, (std::uint64_t{1} << 43) + 5}) {
    const Fd file = memory_file(tar_header({.path = "big", .size = size}));
    ArchiveReader reader(file.get());
    const auto found = reader.next();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->size, size);
  }
}

}  // namespace
}  // namespace cooper::bundle
