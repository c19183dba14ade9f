#include "model/names.h"
#include "unit/test_support.h"

#include <algorithm>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <vector>

namespace cooper {
namespace {

using std::string_literals::operator""s;

struct NameCase {
  std::string text;
  bool app, build, release, service, property;  // which rules take it
};

class NamesTest : public testing::TestWithParam<NameCase> {};

TEST_P(NamesTest, IsTakenOrRefused) {
  const NameCase& c = GetParam();
  EXPECT_EQ(AppName::parse(c.text).has_value(), c.app);
  EXPECT_EQ(BuildId::parse(c.text).has_value(), c.build);
  EXPECT_EQ(ReleaseId::parse(c.text).has_value(), c.release);
  EXPECT_EQ(ServiceName::parse(c.text).has_value(), c.service);
  EXPECT_EQ(PropertyKey::parse(c.text).has_value(), c.property);
}

constexpr bool yes = true;
constexpr bool no = false;

INSTANTIATE_TEST_SUITE_P(
    Table, NamesTest,
    testing::Values(                              // app  build release service property
        NameCase{"web", yes, yes, no, yes, yes},  //
        NameCase{"a", yes, yes, no, yes, yes},    //
        NameCase{"r0", yes, yes, yes, yes, yes},  //
        NameCase{"0", yes, yes, no, no, no},      //
        NameCase{"7up", yes, yes, no, no, no},    //
        NameCase{"my-app.v2", yes, no, no, no, no},
        NameCase{"a..b", yes, no, no, no, no},  // Dokku has such apps; no image may be named so
        NameCase{"a.-b", yes, no, no, no, no}, NameCase{"a--b", yes, yes, no, yes, yes},
        NameCase{"a.", yes, no, no, no, no}, NameCase{"a-", yes, yes, no, no, yes},  //
        NameCase{"-a", no, no, no, no, no},     // would read as an option
        NameCase{"a_b", no, yes, no, yes, no},  //
        NameCase{"_a", no, yes, no, no, no},    //
        NameCase{"pid-4711", yes, yes, no, yes, yes}, NameCase{"Web", no, yes, no, yes, no},  //
        NameCase{"rABC", no, yes, no, yes, no},                                               //
        NameCase{"r", yes, yes, no, yes, yes},                                                //
        NameCase{"", no, no, no, no, no},                                                     //
        NameCase{".", no, no, no, no, no},                                                    //
        NameCase{"..", no, no, no, no, no},                                                   //
        NameCase{".hidden", no, no, no, no, no},                                              //
        NameCase{"a/b", no, no, no, no, no},                                                  //
        NameCase{"../a", no, no, no, no, no},                                                 //
        NameCase{"a b", no, no, no, no, no},                                                  //
        NameCase{"a\n", no, no, no, no, no},                                                  //
        NameCase{"a\0b"s, no, no, no, no, no},                                                //
        NameCase{"\u00e4", no, no, no, no, no},                                               //
        NameCase{"--global", no, no, no, no, no},                                             //
        NameCase{"a:b", no, no, no, no, no},                                                  //
        NameCase{"a@b", no, no, no, no, no},                                                  //
        NameCase{std::string(63, 'a'), yes, yes, no, yes, yes},
        NameCase{std::string(64, 'a'), yes, yes, no, no, no},
        NameCase{std::string(65, 'a'), yes, no, no, no, no},
        NameCase{std::string(64, 'r'), yes, yes, yes, no, no},
        NameCase{std::string(255, 'a'), yes, no, no, no, no},
        NameCase{std::string(256, 'a'), no, no, no, no, no}));

TEST(Names, ARefusalNamesTheTextHarmlesslyAndSaysWhatIsAllowed) {
  const Error error = AppName::parse("\x1b[2J" + std::string(5000, 'x')).error();
  EXPECT_EQ(error.code(), Errc::invalid);
  EXPECT_EQ(error.message().find('\x1b'), std::string::npos);
  EXPECT_LT(error.message().size(), 200U);
  EXPECT_NE(error.hint().find("lowercase"), std::string::npos);
}

TEST(Ids, HaveTheirShape) {
  const std::string base36 = "0123456789abcdefghijklmnopqrstuvwxyz";
  const std::string build = new_build_id().str();
  EXPECT_EQ(build.size(), 14U);
  EXPECT_EQ(build.find_first_not_of(base36), std::string::npos);
  const std::string release = new_release_id().str();
  EXPECT_EQ(release.size(), 15U);
  EXPECT_EQ(release[0], 'r');
  EXPECT_EQ(release.find_first_not_of(base36), std::string::npos);
}

TEST(Ids, BeginWithTheClock) {
  const auto milliseconds = [] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  };
  const auto before = milliseconds();
  const auto digits = std::stoll(new_build_id().str().substr(0, 8), nullptr, 36);
  EXPECT_GE(digits, before);
  // Ids of this process that were made faster than the clock runs may be ahead of it.
  EXPECT_LE(digits, milliseconds() + 200'000);
}

TEST(Ids, GrowStrictlyWhateverTheirNumber) {
  std::string last = new_build_id().str();
  for (int i = 0; i < 100'000; ++i) {
    std::string id = new_build_id().str();
    ASSERT_LT(last, id);
    last = std::move(id);
  }
}

TEST(Ids, AreUniqueAmongThreads) {
  std::mutex mutex;
  std::vector<std::string> all;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      std::vector<std::string> clocks;  // unique even without the random digits
      for (int j = 0; j < 10'000; ++j) clocks.push_back(new_build_id().str().substr(0, 8));
      EXPECT_TRUE(std::ranges::is_sorted(clocks));
      const std::lock_guard lock(mutex);
      all.insert(all.end(), clocks.begin(), clocks.end());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::unordered_set<std::string>(all.begin(), all.end()).size(), 40'000U);
}

}  // namespace
}  // namespace cooper
