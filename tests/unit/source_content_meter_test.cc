// What compressed contents unpack to, told by cooper-unpack.

#include "base/sha256.h"
#include "source/content_meter.h"
#include "unit/source_archive_support.h"
#include "unit/source_test_support.h"

#include <gmock/gmock.h>

#include <csignal>

namespace cooper::source {
namespace {

using testing::HasSubstr;

const std::string kContent = [] {
  std::string text;
  for (int i = 0; i < 100000; ++i) text += std::to_string(i * 7919) + "\n";
  return text;
}();

ContentMeter::Measured measure(const std::string& bytes, std::uint64_t most = 1 << 30) {
  std::signal(SIGPIPE, SIG_IGN);  // as all programs of ours: it may end before it has read all
  ContentMeter meter(bytes.size(), {.bytes = most}, {});
  for (std::size_t at = 0; at < bytes.size(); at += 1000) {
    meter.write(std::string_view(bytes).substr(at, 1000));
  }
  return meter.finish();
}

TEST(ContentMeter, TellsWhatAllFourUnpackTo) {
  for (const std::string& bytes : {compressed_by("gzip", kContent), compressed_by("xz", kContent),
                                   compressed_by("bzip2", kContent), zstd_of(kContent)}) {
    const auto measured = measure(bytes);
    EXPECT_EQ(measured.bytes, kContent.size());
    EXPECT_EQ(measured.digest, hex(sha256(kContent)));
  }
}

TEST(ContentMeter, CountsEveryPart) {
  for (const auto& [one, two] :
       {std::pair(compressed_by("gzip", "one"), compressed_by("gzip", kContent)),
        std::pair(compressed_by("xz", "one"), compressed_by("xz", kContent)),
        std::pair(compressed_by("bzip2", "one"), compressed_by("bzip2", kContent)),
        std::pair(zstd_of("one"), zstd_of(kContent))}) {
    EXPECT_EQ(measure(one + two).bytes, 3 + kContent.size());
  }
}

TEST(ContentMeter, NothingIsALot) {
  EXPECT_EQ(measure(compressed_by("gzip", "")).bytes, 0u);
  EXPECT_EQ(measure(zstd_of("")).bytes, 0u);
}

TEST(ContentMeter, RefusesWhatEnginesMightReadInAnotherWay) {
  const std::string gzip = compressed_by("gzip", kContent);
  std::string reserved_flag = gzip;
  reserved_flag[3] = '\x20';  // Go's gzip does not mind
  for (const auto& [bytes, says] :
       {std::pair(gzip + "more", "something follows"),
        std::pair(gzip + reserved_flag, "something follows"),
        std::pair(reserved_flag, "not compressed once"),
        std::pair(compressed_by("gzip", gzip), "not compressed once"),
        std::pair(kContent, "not compressed once"), std::pair(gzip.substr(0, 3000), "damaged"),
        std::pair(compressed_by("xz", kContent).substr(0, 3000), "damaged")}) {
    std::string message;
    EXPECT_EQ(code_of([&] { measure(bytes); }, &message), Errc::corrupt) << says;
    EXPECT_THAT(message, HasSubstr(says));
  }
}

TEST(ContentMeter, EndsWhereItIsTooMuch) {
  EXPECT_EQ(measure(compressed_by("gzip", kContent), kContent.size()).bytes, kContent.size());
  std::string message;
  EXPECT_EQ(code_of([&] { measure(compressed_by("gzip", kContent), 10000); }, &message),
            Errc::invalid);
  EXPECT_EQ(message, "it unpacks to more than 9.7 KiB");
}

TEST(ContentMeter, EndsOnAStopRequest) {
  std::stop_source stop;
  ContentMeter meter(1000, {.bytes = 1000}, stop.get_token());
  meter.write("\x1f\x8b");
  stop.request_stop();
  EXPECT_EQ(code_of([&] { meter.finish(); }), Errc::canceled);
}

}  // namespace
}  // namespace cooper::source
