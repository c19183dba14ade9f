#include "base/sha256.h"

#include <gtest/gtest.h>

#include <string>

namespace cooper {
namespace {

// Vectors of FIPS 180-4.
TEST(Sha256, GivesThePublishedDigests) {
  EXPECT_EQ(hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, TakesPiecesAndBeginsAnew) {
  Sha256 hash;
  for (const char c : std::string("abc")) hash.update({&c, 1});
  const Sha256 copy = hash;
  EXPECT_EQ(hash.finish(), sha256("abc"));
  EXPECT_EQ(hash.finish(), sha256(""));
  Sha256 other = copy;
  other.update("d");
  EXPECT_EQ(other.finish(), sha256("abcd"));
}

}  // namespace
}  // namespace cooper
