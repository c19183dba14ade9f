// gzip both ways, zstd, and pipes that feed them.

#include "bundle/gzip.h"
#include "bundle/pipe_feed.h"
#include "bundle/unzstd.h"
#include "unit/source_test_support.h"

#include <algorithm>
#include <csignal>
#include <random>

namespace cooper::bundle {
namespace {

using source::all_of;
using source::memory_file;

std::string compressed(std::string_view bytes) {
  const Fd out = memory_file();
  source::BlockWriter writer(out.get(), gzip_compressor(), 2);
  writer.write(bytes);
  writer.finish();
  return all_of(out);
}

std::string unpacked(std::string_view gzip) {
  const Fd in = memory_file(gzip.substr(std::min<std::size_t>(gzip.size(), 5)));
  const Fd out = memory_file();
  gunzip(gzip.substr(0, 5), in.get(), out.get());
  return all_of(out);
}

std::string noise(std::size_t bytes) {
  std::mt19937 random(1);
  std::string text(bytes, '\0');
  std::ranges::generate(text, [&] { return static_cast<char>(random()); });
  return text;
}

TEST(Gzip, WhatGoesInComesOut) {
  for (const std::string& text :
       {std::string("x"), std::string(100'000, 'x'), noise(1'000'000),
        noise(source::BlockWriter::kBlockSize) + std::string(3 << 20, 'y')}) {
    EXPECT_EQ(unpacked(compressed(text)), text) << text.size();
  }
}

TEST(Gzip, EveryCutIsNoticed) {
  const std::string whole = compressed(std::string(5000, 'x') + noise(5000));
  for (std::size_t size = 1; size < whole.size(); size += 97) {
    EXPECT_EQ(code_of([&] { unpacked(whole.substr(0, size)); }), Errc::corrupt) << size;
  }
}

TEST(Gzip, WhatIsDamagedOrFollowedIsNoticed) {
  const std::string whole = compressed(noise(5000));
  std::string damaged = whole;
  damaged[damaged.size() - 6] ^= 1;  // of the checksum
  EXPECT_EQ(code_of([&] { unpacked(damaged); }), Errc::corrupt);
  EXPECT_EQ(code_of([&] { unpacked(whole + "more"); }), Errc::corrupt);
  EXPECT_EQ(unpacked(whole + whole).size(), 10'000U);
}

std::string zstd_of(std::string_view bytes) {
  const Fd out = memory_file();
  source::BlockWriter writer(out.get(), source::zstd_compressor(1), 2);
  writer.write(bytes);
  writer.finish();
  return all_of(out);
}

std::string without_zstd(std::string_view zstd) {
  const Fd in = memory_file(zstd.substr(std::min<std::size_t>(zstd.size(), 2)));
  const Fd out = memory_file();
  unzstd(zstd.substr(0, 2), in.get(), out.get());
  return all_of(out);
}

TEST(Unzstd, WhatWentInComesOut) {
  for (const std::string& text :
       {std::string("x"), std::string(3 << 20, 'x'), noise(1'000'000),
        noise(source::BlockWriter::kBlockSize) + std::string(3 << 20, 'y')}) {
    EXPECT_EQ(without_zstd(zstd_of(text)), text) << text.size();
  }
}

TEST(Unzstd, EveryCutIsNoticed) {
  const std::string whole = zstd_of(std::string(5000, 'x') + noise(5000));
  for (std::size_t size = 1; size < whole.size(); size += 97) {
    EXPECT_EQ(code_of([&] { without_zstd(whole.substr(0, size)); }), Errc::corrupt) << size;
  }
}

TEST(Unzstd, WhatIsDamagedOrFollowedIsNoticed) {
  const std::string whole = zstd_of(noise(5000));
  std::string damaged = whole;
  damaged[2] ^= 1;
  EXPECT_EQ(code_of([&] { without_zstd(damaged); }), Errc::corrupt);
  EXPECT_EQ(code_of([&] { without_zstd(whole + "more"); }), Errc::corrupt);
  EXPECT_EQ(without_zstd(whole + whole).size(), 10'000U);
}

TEST(PipeFeed, TellsWhyItsWriterFailed) {
  PipeFeed feed([](int out) {
    write_all(out, "some");
    throw Error(Errc::corrupt, "why");
  });
  std::array<char, 16> buffer{};
  EXPECT_EQ(read_some(feed.fd(), buffer), 4);
  EXPECT_EQ(read_some(feed.fd(), buffer), 0);
  EXPECT_EQ(code_of([&] { feed.finish(); }), Errc::corrupt);
}

TEST(PipeFeed, AReaderMayLeave) {
  std::signal(SIGPIPE, SIG_IGN);
  PipeFeed feed([](int out) {
    for (int i = 0; i < 1000; ++i) write_all(out, std::string(65536, 'x'));
  });
  feed.finish();  // what fails since then is no news
}

}  // namespace
}  // namespace cooper::bundle
