// Webhooks that go out: who is told, what waits, and what is kept of it.

#include "base/file.h"
#include "store/file_store.h"
#include "store/webhook_queue.h"
#include "store/webhooks.h"
#include "unit/test_support.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <sys/stat.h>

namespace cooper::store {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class WebhookFiles : public ::testing::Test {
 protected:
  Webhook add(std::optional<AppName> app = {}, std::vector<EventKind> events = {}) {
    return webhooks_.add({.id = WebhookId::parse("0000000000").value(),
                          .url = "https://a.example/x",
                          .app = std::move(app),
                          .events = std::move(events),
                          .secret = new_webhook_secret(),
                          .created_at = {}});
  }
  WebhookMessage message(const std::string& name, WebhookState state = WebhookState::waiting) {
    const Event event{.kind = EventKind::build_finished, .app = "shop", .id = name};
    return {.id = webhook_message_id(WebhookId::parse("0123456789").value(), event),
            .event = "build.finished",
            .app = "shop",
            .subject = name,
            .body = "{\"type\":\"x\"}",
            .created_at = {now()},
            .state = state,
            .next_at = {now()},
            .attempts = {{.at = {now()}, .took = 5ms, .status = 500, .error = "no"}}};
  }

  TempFolder folder_;
  Layout layout_{folder_.path()};
  Webhooks webhooks_{layout_};
  AppName shop_ = AppName::parse("shop").value();
};

TEST_F(WebhookFiles, AreKeptAndFoundAndRemoved) {
  EXPECT_FALSE(webhooks_.any());
  const Webhook one = add(shop_, {EventKind::build_finished});
  std::vector<std::string> warnings;
  ASSERT_EQ(webhooks_.list(warnings).size(), 1U);
  EXPECT_EQ(webhooks_.list(warnings)[0].secret, one.secret);
  EXPECT_THAT(webhooks_.find(one.id)->events, ElementsAre(EventKind::build_finished));
  struct stat info {};
  ASSERT_EQ(::stat((layout_.webhooks() / (one.id.str() + ".json")).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  WebhookQueue(layout_, one.id).add(message("b1"));
  webhooks_.remove(one.id);
  EXPECT_FALSE(webhooks_.any() || std::filesystem::exists(layout_.webhook_queue(one.id.str())));
  EXPECT_THROW(webhooks_.remove(one.id), Error);
}

TEST_F(WebhookFiles, DamageIsSaidAndHidesNoOther) {
  const Webhook good = add();
  for (const char* text :
       {"{", "[]", R"({"secret":"x"})",
        R"({"secret":"s","created_at":"2026-01-01T00:00:00Z","events":["x.y"]})",
        R"({"secret":"s","created_at":"2026-01-01T00:00:00Z","events":[],"app":"A"})"}) {
    write_file_durably(layout_.webhooks() / "aaaaaaaaaa.json", text, 0600);
    std::vector<std::string> warnings;
    EXPECT_EQ(webhooks_.list(warnings).size(), 1U) << text;
    EXPECT_EQ(warnings.size(), 1U) << text;
  }
}

TEST_F(WebhookFiles, AreToldOfWhatTheyAskFor) {
  const AppName other = AppName::parse("other").value();
  const Webhook narrow = add(shop_, {EventKind::build_finished});
  EXPECT_TRUE(wants(narrow, EventKind::build_finished, shop_));
  EXPECT_FALSE(wants(narrow, EventKind::build_started, shop_));
  EXPECT_FALSE(wants(narrow, EventKind::build_finished, other));
  EXPECT_TRUE(wants(add(), EventKind::release_promoted, other));
}

TEST_F(WebhookFiles, SecretsAreLongAndPlain) {
  EXPECT_TRUE(check_webhook_secret("0123456789abcdef"));
  EXPECT_TRUE(check_webhook_secret(new_webhook_secret()));
  for (const char* bad :
       {"", "short", "0123456789 abcdef", "whsec_no*base64**", "0123456789abcde\n"}) {
    const auto secret = check_webhook_secret(bad);
    ASSERT_FALSE(secret) << bad;
    EXPECT_EQ(secret.error().message().find("0123"), std::string::npos);
  }
}

TEST_F(WebhookFiles, ChangesOfRecordsAreEvents) {
  FileStore store(layout_);
  store.create_app(shop_);
  Build build{.id = new_build_id(), .app = shop_, .started_at = {now()}, .status = Status::queued};
  store.insert_build(build);
  EXPECT_TRUE(raised_events(layout_).empty());  // nobody is told
  add();
  const auto kinds = [&] {
    std::vector<std::string> names;
    for (const Event& event : raised_events(layout_)) names.emplace_back(to_string(event.kind));
    return names;
  };
  store.change_build(shop_, build.id, [](Build& one) { one.description = "x"; });
  EXPECT_TRUE(kinds().empty());
  store.change_build(shop_, build.id, [](Build& one) { begin_run(one, now()); });
  EXPECT_THAT(kinds(), ElementsAre("build.started"));
  store.finalize_build(shop_, build.id, {.status = Status::succeeded, .exit_code = 0}, now());
  store.finalize_build(shop_, build.id, {.status = Status::failed}, now());
  EXPECT_THAT(kinds(), ElementsAre("build.started", "build.finished"));
  EXPECT_NE(raised_events(layout_)[1].data.find("\"succeeded\""), std::string::npos);
  const Release release = store.derive_release(shop_, [](Release& one) {
    one.environment["PASSWORD"] = "very-secret";
    one.manifest = "services: {}";
  });
  store.activate_release(shop_, release.id, new_build_id());
  EXPECT_THAT(kinds(), ElementsAre("build.started", "build.finished", "release.created",
                                   "release.promoted"));
  for (const Event& event : raised_events(layout_)) {
    EXPECT_EQ(event.data.find("very-secret"), std::string::npos);
    drop_event(layout_, event);
  }
  EXPECT_TRUE(kinds().empty());
}

TEST_F(WebhookFiles, AQueueKeepsAMessageOnceAndForgetsOldOnes) {
  WebhookQueue queue(layout_, WebhookId::parse("0123456789").value());
  const WebhookMessage first = message("b1");
  queue.add(first);
  WebhookMessage again = first;
  again.body = "other";
  queue.add(again);
  ASSERT_EQ(queue.list().size(), 1U);
  EXPECT_EQ(queue.list()[0], first);
  again.state = WebhookState::delivered;
  queue.update(again);
  EXPECT_EQ(queue.list()[0].state, WebhookState::delivered);
  for (int i = 0; i < 230; ++i) {
    queue.add(
        message("c" + std::to_string(i), i == 0 ? WebhookState::waiting : WebhookState::failed));
  }
  queue.trim();
  const auto kept = queue.list();
  EXPECT_LE(kept.size(), 221U);
  EXPECT_TRUE(std::ranges::any_of(kept, [](const auto& one) { return one.subject == "c0"; }));
  for (const char* bad : {"", "[]", "{}", R"({"state":"waiting","attempts":[]})"}) {
    EXPECT_FALSE(parse_webhook_message(bad, "msg_x")) << bad;
  }
}

TEST_F(WebhookFiles, OfManyThatWaitTheOldestAreDropped) {
  WebhookQueue queue(layout_, WebhookId::parse("0123456789").value());
  const std::size_t extra = 7;
  for (std::size_t i = 0; i < WebhookQueue::kMostWaiting + extra; ++i) {
    queue.add(message("b" + std::to_string(i)));
  }
  queue.trim();
  const auto kept = queue.list();
  ASSERT_EQ(kept.size(), WebhookQueue::kMostWaiting + extra);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    EXPECT_EQ(kept[i].subject, "b" + std::to_string(i));
    EXPECT_EQ(kept[i].state, i < extra ? WebhookState::dropped : WebhookState::waiting) << i;
  }
  EXPECT_EQ(parse_webhook_message(to_json(kept[0]), kept[0].id).value(), kept[0]);
}

TEST_F(WebhookFiles, EventsThatNobodyTakesAreBounded) {
  add();
  constexpr std::size_t kMost = 2000;
  const auto raise = [&](const std::string& id) {
    raise_event(layout_,
                {.kind = EventKind::build_finished, .app = "shop", .id = id, .at = {now()}});
  };
  raise("first");
  for (std::size_t i = 0; i < kMost; ++i) {  // as raise_event does, but for the disk
    std::ofstream(layout_.events() / ("shop~b" + std::to_string(i) + "~build.finished.json"))
        << "{}";
  }
  raise("last");
  const auto names = list_folder(layout_.events());
  EXPECT_LE(names.size(), kMost);
  EXPECT_GE(names.size(), kMost * 8 / 10);
  const auto has = [&](const char* id) {
    return std::ranges::find(names, "shop~" + std::string(id) + "~build.finished.json") !=
           names.end();
  };
  EXPECT_FALSE(has("first"));
  EXPECT_TRUE(has("last"));
}

}  // namespace
}  // namespace cooper::store
