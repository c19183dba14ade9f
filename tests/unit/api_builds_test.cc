#include "api/builds.h"
#include "api/list.h"
#include "unit/api_test_support.h"

namespace cooper::api {
namespace {

namespace json = boost::json;

rack::BuildView full_view() {
  return {.build = {.id = kId,
                    .app = kApp,
                    .pid = 4711,
                    .started_at = {kTime},
                    .status = Status::queued,
                    .source = "git-hook",
                    .description = "fix \"it\"",
                    .images = {{"web", "localhost/hello:web@sha256:00"}},
                    .queued_at = Timestamp{kTime},
                    .unknown_fields = {{"zeta", R"({"a":[1]})"}}},
          .status = DisplayStatus::queued,
          .place = build::QueuePlace{.position = 2, .waiting = 3, .why = "so many run"}};
}

TEST(ApiBuilds, AViewComesBackAsItWas) {
  const rack::BuildView view = full_view();
  const auto parsed = parse_build_view(to_object(view));
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(parsed->build, view.build);
  EXPECT_EQ(parsed->status, view.status);
  EXPECT_EQ(parsed->place, view.place);
}

TEST(ApiBuilds, AViewHasTheRecordsFieldsFirst) {
  rack::BuildView view = full_view();
  view.build.unknown_fields.clear();
  std::string order;
  for (const auto& member : to_object(view)) order += std::string(member.key()) + " ";
  EXPECT_EQ(order,
            "id app kind pid started_at status source description images queued_at display_status "
            "position waiting why ");
}

TEST(ApiBuilds, AnAbandonedBuildIsShownAsOneAndStoredAsRunning) {
  rack::BuildView view = full_view();
  view.build.status = Status::running;
  view.status = DisplayStatus::abandoned;
  view.place.reset();
  const json::object object = to_object(view);
  EXPECT_EQ(object.at("status"), json::value("running"));
  EXPECT_EQ(object.at("display_status"), json::value("abandoned"));
  EXPECT_FALSE(object.contains("position"));
  EXPECT_EQ(parse_build_view(object)->status, DisplayStatus::abandoned);
}

TEST(ApiBuilds, WhatIsWrongWithAViewIsNamed) {
  const json::object object = to_object(full_view());
  for (const char* field : {"id", "app", "kind", "started_at", "status", "display_status"}) {
    expect_refused(parse_build_view, object, field, nullptr, Errc::corrupt);
    expect_refused(parse_build_view, object, field, "../x", Errc::corrupt);
  }
}

TEST(ApiBuilds, StepsComeBackAsTheyWere) {
  const Step step{.service = "web",
                  .number = 3,
                  .text = "RUN make",
                  .started = kTime,
                  .finished = kTime + std::chrono::seconds{3},
                  .cached = true,
                  .log_begin = 10,
                  .log_end = 1ULL << 40,
                  .exit_code = 2};
  EXPECT_EQ(parse_step_object(to_object(step)).value(), step);
  expect_refused(parse_step_object, to_object(step), "service", nullptr, Errc::corrupt);
}

TEST(ApiBuilds, ADiffComesBackAsItWas) {
  using build::Change;
  const build::BuildDiff diff{
      .files = {{"a.c", Change::added}, {"b.c", Change::removed}},
      .arguments = {{"SECRET", Change::changed}},
      .facts = {{"commit", "1", "2"}},
      .bases = {{"node:18", "", "sha256:1"}},
      .images = {{"web", "sha256:1", ""}},
      .steps = {{.service = "web",
                 .text = "RUN make",
                 .before = build::StepTimes::Run{std::chrono::milliseconds{1500}, true},
                 .after = std::nullopt}},
      .missing = {"the source of a is not kept"}};
  const json::object object = to_object(kId, BuildId::parse("b2").value(), diff);
  EXPECT_EQ(object.at("before"), json::value(kId.str()));
  EXPECT_EQ(object.at("after"), json::value("b2"));
  const auto parsed = parse_diff(object);
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(parsed->files, diff.files);
  EXPECT_EQ(parsed->arguments, diff.arguments);
  EXPECT_EQ(parsed->facts, diff.facts);
  EXPECT_EQ(parsed->bases, diff.bases);
  EXPECT_EQ(parsed->images, diff.images);
  EXPECT_EQ(parsed->steps, diff.steps);
  EXPECT_EQ(parsed->missing, diff.missing);
  expect_refused(parse_diff, object, "files", json::array{json::object{{"name", "x"}}},
                 Errc::corrupt);
  expect_refused(parse_diff, object, "steps", "none", Errc::corrupt);
}

TEST(ApiBuilds, AHitOfASearchComesBackWithWhatIsNoTextReplaced) {
  const Build build{.id = kId, .app = kApp, .started_at = {kTime}};
  const log::SearchHit hit{.line = 7, .text = "caf\xff", .cut_before = false, .cut_after = true};
  const json::object object = to_object(rack::LogHit{.build = build, .hit = hit});
  EXPECT_FALSE(object.contains("cut_before"));
  const FoundLine found = parse_found_line(object).value();
  EXPECT_EQ(found.app, kApp);
  EXPECT_EQ(found.build, kId);
  EXPECT_EQ(found.started_at.at, kTime);
  EXPECT_EQ(found.hit.line, 7U);
  EXPECT_EQ(found.hit.text, "caf\ufffd");
  EXPECT_FALSE(found.hit.cut_before);
  EXPECT_TRUE(found.hit.cut_after);
  expect_refused(parse_found_line, object, "line", "x", Errc::corrupt);
}

TEST(ApiBuilds, WhatAPruneDidComesBackAsItWas) {
  const Pruned pruned{.reaped = {kId},
                      .removed = {{.id = kId, .beyond = RetentionLimit::age, .bytes = 12}},
                      .releases = {kRelease},
                      .leftovers = {{.path = "data/work/hello/x", .bytes = 3}},
                      .warnings = {"x can't be removed"}};
  const json::object object = to_object(pruned);
  const Pruned parsed = parse_pruned(object).value();
  EXPECT_EQ(parsed.reaped, pruned.reaped);
  ASSERT_EQ(parsed.removed.size(), 1U);
  EXPECT_EQ(parsed.removed[0].id, kId);
  EXPECT_EQ(parsed.removed[0].beyond, RetentionLimit::age);
  EXPECT_EQ(parsed.removed[0].bytes, 12U);
  EXPECT_EQ(parsed.releases, pruned.releases);
  ASSERT_EQ(parsed.leftovers.size(), 1U);
  EXPECT_EQ(parsed.leftovers[0].path, "data/work/hello/x");
  EXPECT_EQ(parsed.leftovers[0].bytes, 3U);
  EXPECT_EQ(parsed.warnings, pruned.warnings);
  expect_refused(parse_pruned, object, "reaped", json::array{"../x"}, Errc::corrupt);
}

TEST(ApiBuilds, TheQueueComesBackAsItWas) {
  const build::QueueTicket ticket{.app = kApp, .id = kId, .since = kTime, .branch = "main"};
  const build::QueueEntry waits{
      .ticket = ticket, .place = build::QueuePlace{.position = 1, .waiting = 1, .why = "x runs"}};
  const auto parsed = parse_queue_entry(to_object(waits)).value();
  EXPECT_EQ(parsed.ticket.app, kApp);
  EXPECT_EQ(parsed.ticket.id, kId);
  EXPECT_EQ(parsed.ticket.since, kTime);
  EXPECT_EQ(parsed.ticket.branch, "main");
  EXPECT_EQ(parsed.place, waits.place);

  build::QueueEntry deploy{.ticket = ticket, .place = std::nullopt};
  deploy.ticket.what = build::TicketFor::deploy;
  const json::object object = to_object(deploy);
  EXPECT_FALSE(object.contains("id"));
  EXPECT_EQ(object.at("status"), json::value("running"));
  EXPECT_EQ(parse_queue_entry(object)->ticket.what, build::TicketFor::deploy);
  expect_refused(parse_queue_entry, object, "kind", "x", Errc::corrupt);
}

TEST(ApiList, APageComesBackAsItWas) {
  const List<rack::BuildView> page{
      .items = {full_view(), full_view()}, .warnings = {"one is damaged"}, .next = "abc"};
  const json::object object =
      to_object(page, [](const rack::BuildView& view) { return to_object(view); });
  const auto parsed = parse_list<rack::BuildView>(json::serialize(object), parse_build_view);
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(parsed->items.size(), 2U);
  EXPECT_EQ(parsed->warnings, page.warnings);
  EXPECT_EQ(parsed->next, "abc");
}

TEST(ApiList, TheLastPageHasNoNextAndTheFirstErrorCounts) {
  const List<Step> none;
  const json::object object = to_object(none, [](const Step& step) { return to_object(step); });
  EXPECT_EQ(json::serialize(object), R"({"items":[]})");
  for (const char* text : {"", "[]", R"({"items":{}})", R"({"items":[1]})", R"({"items":[{}]})",
                           R"({"items":[],"warnings":1})"}) {
    const auto parsed = parse_list<Step>(text, parse_step_object);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code(), Errc::corrupt) << text;
  }
}

}  // namespace
}  // namespace cooper::api
