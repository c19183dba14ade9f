#include "base/base64.h"

#include <gtest/gtest.h>

namespace cooper {
namespace {

TEST(Base64, IsThatOfTheStandard) {  // RFC 4648, section 10
  const std::pair<const char*, const char*> kVectors[] = {{"", ""},
                                                          {"f", "Zg=="},
                                                          {"fo", "Zm8="},
                                                          {"foo", "Zm9v"},
                                                          {"foob", "Zm9vYg=="},
                                                          {"fooba", "Zm9vYmE="},
                                                          {"foobar", "Zm9vYmFy"},
                                                          {"\xff\xfe\xfd", "//79"}};
  for (const auto& [bytes, text] : kVectors) {
    EXPECT_EQ(to_base64(bytes), text);
    EXPECT_EQ(from_base64(text), bytes);
  }
  EXPECT_EQ(from_base64("Zm8"), "fo");
}

TEST(Base64, WhatIsNoneIsNone) {
  for (const char* text : {"A", "Zm9vY", "a b=", "a\nbc", "Zg==Zg==", "!!!!"}) {
    EXPECT_EQ(from_base64(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace cooper
