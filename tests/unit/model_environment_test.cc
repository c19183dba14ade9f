#include "model/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cooper {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Environment, NamesAreThoseOfShellVariables) {
  for (const char* good : {"A", "_", "a1", "LOG_LEVEL", "_9"}) {
    EXPECT_TRUE(is_variable_name(good)) << good;
  }
  for (const char* bad : {"", "1A", "A-B", "A.B", "A B", "A\n", "Ä", "A=B", "$A"}) {
    EXPECT_FALSE(is_variable_name(bad)) << bad;
  }
}

TEST(Environment, AnAssignmentEndsItsNameAtTheFirstEqualsSign) {
  EXPECT_EQ(parse_variable("A=", "it").value(), std::pair(std::string("A"), std::string("")));
  EXPECT_EQ(parse_variable("A=b=c\nd", "it").value(),
            std::pair(std::string("A"), std::string("b=c\nd")));
}

TEST(Environment, NoMessageRepeatsWhatMayBeASecret) {
  const std::string long_value(kMaxVariableBytes, 'x');
  for (const std::string& text :
       {std::string("hunter2"), std::string("hunter2 =x"), std::string("=hunter2"),
        std::string("A=hunter2\0", 10), std::string("A=hunter2\xff"), "A=hunter2" + long_value}) {
    const auto refused = parse_variable(text, "variable 1");
    ASSERT_FALSE(refused.has_value()) << text;
    EXPECT_EQ(refused.error().code(), Errc::invalid);
    EXPECT_THAT(refused.error().message() + refused.error().hint(), Not(HasSubstr("hunter2")));
  }
  const auto refused = parse_environment("A=1\nhunter2\n", "x.env");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message(), "x.env, line 2: is not NAME=VALUE");
}

TEST(Environment, AFileOfVariables) {
  const auto read = parse_environment("# a comment\n\n  A=1\nexport B='it''s'\n", "x.env");
  EXPECT_FALSE(read.has_value()) << "text behind the closing quote";
  EXPECT_EQ(parse_environment("A='it'\\''s'\nB=''\\'''\n", "x.env").value(),
            (Environment{{"A", "it's"}, {"B", "'"}}));
  const Environment all = parse_environment(
                              "# a comment\n"
                              "\n"
                              "A=plain \"value\" # and all of its line\r\n"
                              "export B='single $A \\n'\n"
                              "C=\"two\nlines \\\"\\n\\$\\q\"  # a comment\n"
                              "D=\n"
                              "E=''\n"
                              "A2=twice\nA2=last",
                              "x.env")
                              .value();
  EXPECT_EQ(all, (Environment{{"A", "plain \"value\" # and all of its line"},
                              {"B", "single $A \\n"},
                              {"C", "two\nlines \"\n$\\q"},
                              {"D", ""},
                              {"E", ""},
                              {"A2", "last"}}));
}

TEST(Environment, WrongFilesNameTheirLine) {
  const auto message = [](std::string_view text) {
    const auto read = parse_environment(text, "f");
    return read ? std::string("read") : read.error().message();
  };
  EXPECT_EQ(message("A=1\n\nB='open\n\n"), "f, line 3: the quote of B is not closed");
  EXPECT_EQ(message("A=\"\n\n\" x"), "f, line 3: text behind the closing quote of A");
  EXPECT_EQ(message("A B=1"), "f, line 1: no name before the = that a variable can have");
  EXPECT_EQ(message("export A"), "f, line 1: is not NAME=VALUE");
  EXPECT_EQ(message(std::string_view("A=\0", 3)), "f, line 1: the value of A holds a NUL byte");
  EXPECT_EQ(message("A=\"\\"), "f, line 1: the quote of A is not closed");
}

TEST(Environment, WhatIsWrittenAsLinesReadsBack) {
  const Environment any{{"EMPTY", ""},
                        {"LINES", "a\nb\n"},
                        {"QUOTED", "\"x\""},
                        {"SINGLE", "'"},
                        {"CARRIAGE", "a\r"},
                        {"SPACES", "  a  "},
                        {"HASH", "# no comment"},
                        {"DOLLAR", "$HOME `x` \\ \n\"$\\n"}};
  EXPECT_EQ(parse_environment(to_text(any, EnvironmentForm::lines), "f").value(), any);
}

TEST(Environment, FormsForPrograms) {
  const Environment some{{"A", "it's"}, {"B", "x\ny"}};
  EXPECT_EQ(to_text(some, EnvironmentForm::exports), "export A='it'\\''s'\nexport B='x\ny'\n");
  EXPECT_EQ(to_text(some, EnvironmentForm::shell), "A='it'\\''s' B='x\ny'\n");
  EXPECT_EQ(to_text(some, EnvironmentForm::docker_args), "--env=A='it'\\''s' --env=B='x\ny'\n");
  EXPECT_EQ(to_text(some, EnvironmentForm::docker_env_file), "A=it's\n");
  EXPECT_EQ(to_text({}, EnvironmentForm::shell), "");
}

}  // namespace
}  // namespace cooper
