// Lines of the server's log: one each, whatever they hold.

#include "server/log_line.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace cooper::server {
namespace {

const std::vector<std::pair<std::string_view, std::string>> kFields = {
    {"path", "/apps/web"}, {"who", "a b\n\x1b[31m\"\xff"}, {"empty", ""}, {"status", "200"}};

TEST(LogText, IsOneLineOfNamesAndValues) {
  const std::string line = log_text(LogFormat::logfmt, "TIME", "info", "it \"is\"\nso", kFields);
  EXPECT_EQ(line.substr(0, 60),
            "TIME level=info msg=\"it \\\"is\\\"\\nso\" path=/apps/web who=\"a b\\");
  EXPECT_TRUE(line.ends_with(" empty=\"\" status=200\n"));
  EXPECT_EQ(std::ranges::count(line, '\n'), 1);
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
}

TEST(LogText, IsOneLineOfJson) {
  const std::string line = log_text(LogFormat::json, "TIME", "info", "it \"is\"\nso", kFields);
  EXPECT_EQ(std::ranges::count(line, '\n'), 1);
  const auto object = boost::json::parse(line).as_object();
  EXPECT_EQ(object.at("msg"), "it \"is\"\nso");
  EXPECT_EQ(object.at("who"), "a b\n\x1b[31m\"\xef\xbf\xbd");
  EXPECT_EQ(object.at("status"), "200");
}

}  // namespace
}  // namespace cooper::server
