// Names in registries, and where layers are kept.
#include "build/registry.h"
#include "test_support.h"

#include <gtest/gtest.h>

namespace cooper::build {
namespace {

using engine::LayerCache;

TEST(Registry, WhatARepositoryIs) {
  for (const char* text : {"127.0.0.1:5000/shop", "ghcr.io/me/shop", "localhost/x",
                           "docker.io/a/b_c", "[::1]:5000/shop"}) {
    EXPECT_TRUE(is_repository(text)) << text;
  }
  for (const char* text : {"", "shop", "me/shop", "ghcr.io", "ghcr.io/", "ghcr.io/Shop",
                           "ghcr.io/a:1", "ghcr.io/a@sha256:1", "ghcr.io/a//b", "ghcr.io/../b",
                           "ghcr.io/a b", "https://ghcr.io/a", "ghcr.io/a\n"}) {
    EXPECT_FALSE(is_repository(text)) << text;
  }
}

TEST(Registry, WhereLayersAreKept) {
  std::vector<std::string> warnings;
  const auto cache = [&](const std::string& registry, const std::string& wish) {
    Settings settings;
    settings.registry = registry;
    settings.cache = wish;
    warnings.clear();
    return layer_cache(settings, warnings);
  };
  EXPECT_FALSE(cache("", ""));
  EXPECT_TRUE(warnings.empty());
  EXPECT_EQ(cache("r.io/shop", ""), (LayerCache{.repository = "r.io/shop"}));
  EXPECT_EQ(cache("r.io/shop", "registry"), (LayerCache{.repository = "r.io/shop"}));
  EXPECT_EQ(cache("r.io/shop", "inline"),
            (LayerCache{.mode = LayerCache::Mode::inlined, .repository = "r.io/shop"}));
  EXPECT_EQ(cache("r.io/shop", "registry:c.io:5000/x"), (LayerCache{.repository = "c.io:5000/x"}));
  EXPECT_EQ(cache("", "registry:c.io/x"), (LayerCache{.repository = "c.io/x"}));
  EXPECT_FALSE(cache("r.io/shop", "off"));
  EXPECT_TRUE(warnings.empty());
  EXPECT_FALSE(cache("", "inline"));
  EXPECT_EQ(warnings.size(), 1U);
}

TEST(Registry, WhatThePropertyTakes) {
  for (const char* text : {"off", "inline", "registry", "registry:ghcr.io/me/cache"}) {
    EXPECT_TRUE(is_cache_wish(text)) << text;
  }
  for (const char* text : {"", "on", "registry:", "registry:shop", "Registry"}) {
    EXPECT_FALSE(is_cache_wish(text)) << text;
  }
}

TEST(Registry, EachImageHasAPlaceOfItsOwn) {
  Plan plan;
  plan.images.push_back({.service = "web"});
  plan.images.push_back({.service = std::string(63, 's')});
  plan.images.push_back({.service = "db", .base_image = "postgres:15"});
  const AppName long_name = AppName::parse(std::string(63, 'a')).value();
  use_layer_cache(plan, long_name, {.repository = "r.io/shop"});
  EXPECT_EQ(plan.images[0].cache->reference(), "r.io/shop:" + long_name.str() + ".web.cache");
  EXPECT_LE(plan.images[1].cache->tag.size(), 128U);
  EXPECT_TRUE(plan.images[1].cache->tag.ends_with(".cache"));
  EXPECT_FALSE(plan.images[2].cache);
}

}  // namespace
}  // namespace cooper::build
