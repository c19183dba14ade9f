#include "build/queue_order.h"
#include "build/queue_ticket.h"
#include "unit/test_support.h"

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <set>

namespace cooper::build {
namespace {

AppName app(const std::string& name) { return AppName::parse(name).value(); }

/// A queue without processes: builds come, and those whose turn it is run until they are ended.
class Line {
 public:
  explicit Line(std::size_t most) : most_(most) {}

  std::string come(const std::string& name, TicketFor what = TicketFor::build) {
    const std::string id = "b" + std::to_string(1000 + ++made_);
    tickets_.push_back({.app = app(name),
                        .id = BuildId::parse(id).value(),
                        .what = what,
                        .turn = next_turn(tickets_, app(name), what),
                        .since = Time(std::chrono::seconds{made_})});
    return id;
  }

  /// The ids that begin now.
  std::vector<std::string> start() {
    std::vector<std::string> ids;
    for (const QueueTicket* chosen : may_start(
             tickets_, most_, [&](const AppName& name) { return locked_.contains(name.str()); })) {
      ids.push_back(chosen->id.str());
    }
    for (QueueTicket& ticket : tickets_) {
      if (std::ranges::find(ids, ticket.id.str()) != ids.end()) ticket.state = TicketState::running;
    }
    return ids;
  }

  void end(const std::string& id) {
    std::erase_if(tickets_, [&](const QueueTicket& ticket) { return ticket.id.str() == id; });
  }

  QueueTicket& get(const std::string& id) {
    return *std::ranges::find_if(tickets_,
                                 [&](const QueueTicket& ticket) { return ticket.id.str() == id; });
  }

  /// Each runs alone, to the end of the line.
  std::string drain() {
    std::string apps;
    for (;;) {
      const auto begun = start();
      if (begun.empty()) return apps;
      for (const std::string& id : begun) {
        apps += get(id).app.str();
        end(id);
      }
    }
  }

  std::vector<QueueTicket> tickets_;
  std::set<std::string> locked_;

 private:
  std::size_t most_;
  int made_ = 0;
};

TEST(QueueOrder, FirstComeFirstServedOfDifferentApps) {
  Line line(1);
  for (const char* name : {"a", "b", "c"}) line.come(name);
  EXPECT_EQ(line.drain(), "abc");
}

TEST(QueueOrder, OneAppsManyDoNotHoldUpTheOthers) {
  Line line(1);
  const std::string first = line.come("a");
  EXPECT_EQ(line.start(), std::vector{first});
  for (int i = 0; i < 5; ++i) line.come("a");
  line.come("b");
  line.come("c");
  line.come("b");
  line.end(first);
  EXPECT_EQ(line.drain(), "abcabaaa");
}

TEST(QueueOrder, AnAppRunsOneBuildAtATime) {
  Line line(4);
  const std::string first = line.come("a");
  const std::string second = line.come("a");
  const std::string other = line.come("b");
  EXPECT_EQ(line.start(), (std::vector{first, other}));
  EXPECT_TRUE(line.start().empty());
  line.end(first);
  EXPECT_EQ(line.start(), std::vector{second});
}

TEST(QueueOrder, NoMoreRunThanMay) {
  Line line(2);
  for (const char* name : {"a", "b", "c"}) line.come(name);
  EXPECT_EQ(line.start().size(), 2U);
  EXPECT_TRUE(line.start().empty());
}

TEST(QueueOrder, ALockedAppAndALostBuildHoldUpNobody) {
  Line line(1);
  line.come("a");
  const std::string lost = line.come("b");
  const std::string third = line.come("c");
  line.locked_ = {"a"};
  line.get(lost).state = TicketState::lost;
  EXPECT_EQ(line.start(), std::vector{third});
}

TEST(QueueOrder, ADeployComesBeforeTheAppsFurtherBuilds) {
  Line line(1);
  const std::string first = line.come("a");
  line.start();
  const std::string second = line.come("a");
  const std::string third = line.come("a");
  const std::string deploy = line.come("a", TicketFor::deploy);
  EXPECT_FALSE(is_first_of_app(line.tickets_, line.get(deploy)));
  line.end(first);
  EXPECT_EQ(line.start(), std::vector{second});
  line.end(second);
  EXPECT_TRUE(is_first_of_app(line.tickets_, line.get(deploy)));
  EXPECT_TRUE(line.start().empty());  // the third waits for the deploy
  line.end(deploy);
  EXPECT_EQ(line.start(), std::vector{third});
}

TEST(QueueOrder, DeploysDoNotCountAmongTheBuilds) {
  Line line(1);
  line.come("a", TicketFor::deploy);
  const std::string build = line.come("b");
  EXPECT_EQ(line.start(), std::vector{build});
}

TEST(QueueOrder, TellsThePlaceAndWhy) {
  Line line(1);
  const std::string runs = line.come("a");
  line.start();
  const std::string second = line.come("a");
  const std::string other = line.come("b");
  const auto text = [&](const std::string& id, std::string_view holder) {
    const auto place = place_of(line.tickets_, line.get(id), 1, holder);
    return place ? to_text(*place) : "none";
  };
  EXPECT_EQ(text(runs, ""), "none");
  EXPECT_EQ(text(second, ""),
            "position 1 of 2: app a is being deployed by build " + runs + ": waiting for its turn");
  EXPECT_EQ(text(other, ""),
            "position 2 of 2: 1 build runs, as many as may at once (property concurrency)");
  EXPECT_EQ(text(other, "x1"),
            "position 2 of 2: app b is being deployed by build x1: waiting for its turn");
  line.get(other).superseded_by = "b9";
  EXPECT_EQ(text(other, ""), "none");
}

/// Whatever comes: nobody is passed by more builds of another app than that app and his own have
/// had turns before him.
TEST(QueueOrder, NobodyStarves) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    const auto pick = [&](int below) {
      return std::uniform_int_distribution<int>(0, below - 1)(random);
    };
    const std::size_t most = static_cast<std::size_t>(1 + pick(3));
    Line line(most);
    std::deque<std::string> running;
    std::map<std::string, int> passed;  // a waiting build: how many later ones began before it
    std::map<std::string, int> before;  // how many of its own app waited when it came
    for (int step = 0; step < 300; ++step) {
      // Floods of one app, with now and then one of some other.
      const std::string name = pick(3) != 0 ? "flood" : "app" + std::to_string(pick(4));
      if (pick(2) == 0) {
        const auto own = std::ranges::count_if(
            line.tickets_, [&](const QueueTicket& ticket) { return ticket.app == app(name); });
        const std::string id = line.come(name);
        before[id] = static_cast<int>(own);
        passed[id] = 0;
      }
      if (pick(2) == 0 && !running.empty()) {
        line.end(running.front());
        running.pop_front();
      }
      for (const std::string& id : line.start()) {
        running.push_back(id);
        for (const QueueTicket* other : line_of(line.tickets_)) {
          if (other->id.str() < id) ++passed[other->id.str()];
        }
      }
    }
    constexpr int kApps = 5;
    for (const auto& [id, times] : passed) {
      ASSERT_LE(times, (before[id] + 1 + static_cast<int>(most)) * kApps)
          << id << " was passed too often, seed " << seed;
    }
  }
}

TEST(QueueTickets, AreReadAsTheyWereWritten) {
  const QueueTicket ticket{.app = app("shop"),
                           .id = BuildId::parse("b1").value(),
                           .what = TicketFor::build,
                           .state = TicketState::running,
                           .turn = 7,
                           .since = Time(std::chrono::nanoseconds{1234567890123456789}),
                           .pid = 4711,
                           .branch = "feature/\"x\"",
                           .key = "k",
                           .overtook = true,
                           .resumed = 2,
                           .superseded_by = "b2"};
  const auto read = parse_ticket(to_text(ticket), ticket.id);
  ASSERT_TRUE(read);
  EXPECT_EQ(to_text(*read), to_text(ticket));
  EXPECT_EQ(read->since, ticket.since);
  EXPECT_EQ(read->state, TicketState::running);
  EXPECT_EQ(read->pid, 4711);
  EXPECT_TRUE(read->overtook);
}

TEST(QueueTickets, WhatIsLeftOfALongerOneDoesNotCount) {
  const QueueTicket ticket{.app = app("shop"), .id = BuildId::parse("b1").value(), .turn = 7};
  const auto read = parse_ticket(to_text(ticket) + R"(left":"over"})" + "\n", ticket.id);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->turn, 7U);
}

TEST(QueueTickets, WhatIsNoneIsRefused) {
  const BuildId id = BuildId::parse("b1").value();
  for (const char* bad : {"", "{", "[]", "{}", R"({"app":"../x","since":"2026-11-21T00:00:00Z"})",
                          R"({"app":"shop"})", R"({"app":"shop","since":"now"})"}) {
    EXPECT_FALSE(parse_ticket(bad, id)) << bad;
  }
  // Numbers that are none count as absent.
  const auto odd = parse_ticket(
      R"({"app":"shop","since":"2026-11-21T00:00:00Z","turn":-1,"pid":"x","overtook":1})", id);
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->turn, 0U);
  EXPECT_EQ(odd->pid, 0);
  EXPECT_FALSE(odd->overtook);
}

}  // namespace
}  // namespace cooper::build
