// Images made by a real buildah: what the steps, the result and the store say.
#include "process/proc.h"
#include "unit/engine_test_support.h"

#include <thread>

namespace cooper::engine {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

using End = ImageResult::End;

std::string trimmed(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

class MakesImages : public BuildahTest {};

TEST_F(MakesImages, AColdBuildThenACachedOne) {
  write(folder_ / "source/hi", "hi\n");
  ImageRequest wanted = request("FROM localhost/base\nCOPY hi /hi\nRUN cat /hi && echo oops >&2\n");
  wanted.tags.push_back("localhost/app:worker." + id_);
  const ImageResult cold = make(wanted);
  ASSERT_EQ(cold.end, End::made) << cold.reason << progress_.shown;
  EXPECT_THAT(progress_.steps,
              ElementsAre("FROM localhost/base", "COPY hi /hi", "RUN cat /hi && echo oops >&2",
                          "COMMIT " + wanted.tags[0]));
  // Two streams: buildah does not keep their order.
  EXPECT_THAT(progress_.shown, AllOf(HasSubstr("\nhi\n"), HasSubstr("\noops\n")));
  EXPECT_EQ(progress_.last_exit, 0);
  for (const std::string& tag : wanted.tags) {
    EXPECT_EQ(trimmed(ask({"inspect", "--type", "image", "--format", "{{.FromImageDigest}}", tag})),
              cold.digest);
  }

  const ImageResult cached = make(wanted);
  ASSERT_EQ(cached.end, End::made) << cached.reason;
  EXPECT_THAT(progress_.steps,
              ElementsAre("FROM localhost/base", "COPY hi /hi (cached)",
                          "RUN cat /hi && echo oops >&2 (cached)", "COMMIT " + wanted.tags[0]));
  EXPECT_EQ(cached.digest, cold.digest);

  wanted.no_cache = true;
  ASSERT_EQ(make(wanted).end, End::made);
  EXPECT_THAT(progress_.steps, testing::Contains("COPY hi /hi"));
  EXPECT_EQ(left_over(), "");
}

TEST_F(MakesImages, AFailingRunIsNamed) {
  const ImageResult result = make(request("FROM localhost/base\nRUN echo one; exit 42\nRUN two\n"));
  EXPECT_EQ(result.end, End::failed);
  EXPECT_EQ(result.exit_code, 42);
  EXPECT_EQ(result.reason, "step 2/3 RUN echo one; exit 42 (Dockerfile.web:2): exit status 42");
  EXPECT_EQ(progress_.last_exit, 42);
  EXPECT_EQ(left_over(), "");
}

TEST_F(MakesImages, AProgramThatTheImageLacksIsNamed) {
  const ImageResult result = make(request("FROM scratch\nRUN echo x\n"));
  EXPECT_EQ(result.end, End::failed);
  EXPECT_EQ(result.reason,
            "step 2/2 RUN echo x (Dockerfile.web:2): \"/bin/sh\" is not in the image");
  EXPECT_EQ(left_over(), "");
}

TEST_F(MakesImages, ABaseImageThatCantBePulledIsNamed) {
  const ImageResult result = make(request("FROM registry.invalid/some/base:1\nRUN true\n"));
  EXPECT_EQ(result.end, End::failed);
  EXPECT_THAT(result.reason,
              StartsWith("base image registry.invalid/some/base:1 can't be pulled: "));
  EXPECT_EQ(left_over(), "");
}

TEST_F(MakesImages, FilesThatDontBuildAreExplained) {
  const std::pair<const char*, const char*> cases[] = {
      {"FROM localhost/base\nRUNN true\n", "unknown instruction \"RUNN\""},
      {"RUN true\n", "no FROM instruction"},
      {"", "the Dockerfile is empty"},
      {"FROM localhost/base\nCOPY absent /\n", "\"/absent\" is not in the build context"},
      {"FROM localhost/base\nCOPY --from=nobody /x /x\n", "no stage and no image has the name"},
  };
  for (const auto& [dockerfile, reason] : cases) {
    const ImageResult result = make(request(dockerfile));
    EXPECT_EQ(result.end, End::failed) << dockerfile;
    EXPECT_THAT(result.reason, HasSubstr(reason));
    EXPECT_THAT(result.reason, Not(HasSubstr("\n")));
  }
  ImageRequest absent = request("FROM localhost/base\n");
  absent.dockerfile = folder_ / "source/Nofile";
  EXPECT_EQ(make(absent).reason, "there is no Nofile to build from");
  EXPECT_EQ(left_over(), "");
}

TEST_F(MakesImages, BuildArgsReachTheirRunsAndNotTheCommandLine) {
  ImageRequest wanted = request(
      "FROM localhost/base\nARG COLOUR=none\nARG EMPTY=full\nARG STORAGE_DRIVER\nARG HTTP_PROXY\n"
      "ARG DOCKER_PASSWORD\nARG REGISTRY_TOKEN\nARG GOOGLE_API_KEY\n"
      "RUN echo \"<$DOCKER_PASSWORD> <$REGISTRY_TOKEN> <$GOOGLE_API_KEY>\"\n"
      "RUN echo \"<$COLOUR> <$EMPTY> <$STORAGE_DRIVER> <$HTTP_PROXY> <$OTHER>\"\n"
      "RUN echo started; sleep 60\n");
  wanted.build_args = {{"COLOUR", "red"},
                       {"COLOUR", "dark blue=\"x\" $Y"},
                       {"EMPTY", ""},
                       {"STORAGE_DRIVER", "no such driver"},
                       {"HTTP_PROXY", "http://proxy.invalid"},
                       {"DOCKER_PASSWORD", "secret-1"},
                       {"REGISTRY_TOKEN", "secret-2"},
                       {"GOOGLE_API_KEY", "secret-3"}};
  std::string command_lines;
  std::stop_source stop;
  progress_ = {};
  progress_.on_output = [&] {
    if (progress_.shown.find("\nstarted\n") == std::string::npos || stop.stop_requested()) return;
    for (const process::ProcessFacts& facts : process::list_processes()) {
      command_lines += process::read_of_process(facts.pid, "cmdline");
    }
    stop.request_stop();
  };
  EXPECT_EQ(engine_->make(wanted, progress_, stop.get_token()).end, End::canceled);
  EXPECT_THAT(progress_.shown, HasSubstr("\n<dark blue=\"x\" $Y> <> <no such driver> "
                                         "<http://proxy.invalid> <>\n"));
  EXPECT_THAT(progress_.shown, HasSubstr("\n<secret-1> <secret-2> <secret-3>\n"));
  EXPECT_THAT(command_lines, HasSubstr("buildah"));
  EXPECT_THAT(command_lines, Not(HasSubstr("secret-")));
  EXPECT_THAT(command_lines, Not(HasSubstr("dark blue")));
  engine_->clean_up();
}

TEST_F(MakesImages, OnlyTheTargetStage) {
  ImageRequest wanted = request(
      "FROM localhost/base AS development\nRUN echo dev\nFROM localhost/base\nRUN echo last\n");
  wanted.target = "development";
  ASSERT_EQ(make(wanted).end, End::made);
  EXPECT_THAT(progress_.steps, ElementsAre("FROM localhost/base AS development", "RUN echo dev",
                                           "COMMIT " + wanted.tags[0]));
  wanted.target = "nope";
  EXPECT_EQ(make(wanted).reason, "the Dockerfile has no stage named \"nope\"");
}

TEST_F(MakesImages, AnExistingImageIsTagged) {
  const ImageRequest wanted{.service = "db", .base_image = kBase, .tags = {"localhost/app:db.1"}};
  const ImageResult result = make(wanted);
  ASSERT_EQ(result.end, End::made) << result.reason;
  EXPECT_THAT(progress_.steps, ElementsAre(std::string("pull ") + kBase + " (cached)"));
  EXPECT_EQ(trimmed(ask({"inspect", "--type", "image", "--format", "{{.FromImageDigest}}",
                         "localhost/app:db.1"})),
            result.digest);

  // Every image whose id begins with "cafe" has that name, too, unless it has a tag.
  const std::string id = trimmed(ask({"images", "--quiet", "--no-trunc", kBase})).substr(7, 3);
  EXPECT_EQ(make({.base_image = id, .tags = {"localhost/app:db.2"}}).end, End::failed) << id;

  const ImageResult absent =
      make({.base_image = "registry.invalid/db:1", .tags = {"localhost/x:1"}});
  EXPECT_EQ(absent.end, End::failed);
  EXPECT_THAT(absent.reason, StartsWith("base image registry.invalid/db:1 can't be pulled: "));
  EXPECT_NE(progress_.last_exit, 0);
}

TEST_F(MakesImages, TagsAreRemovedAndAbsentOnesAreFine) {
  const ImageRequest wanted = request("FROM localhost/base\nRUN echo gone\n");
  ASSERT_EQ(make(wanted).end, End::made);
  engine_->remove_images({"localhost/absent:1", wanted.tags[0], "localhost/absent:2"});
  EXPECT_THAT(ask({"images", "--format", "{{.Name}}:{{.Tag}}"}), Not(HasSubstr(wanted.tags[0])));
  engine_->remove_images({wanted.tags[0]});
  EXPECT_THAT(engine_->find_images("localhost/app:web." + id_), IsEmpty());
  EXPECT_THAT(engine_->find_images("localhost/base:"),
              ElementsAre(testing::Field(&KeptImage::names, ElementsAre(kBase))));
  engine_->remove_images({});
  EXPECT_THAT(ask({"images", "--format", "{{.Name}}:{{.Tag}}"}), HasSubstr(kBase));
}

TEST_F(MakesImages, AnImageThatCantBeRemovedIsNamedInOneLine) {
  const ImageRequest wanted = request("FROM localhost/base\nRUN echo in use\n");
  ASSERT_EQ(make(wanted).end, End::made);
  const std::string container = trimmed(ask({"from", wanted.tags[0]}));
  try {
    engine_->remove_images({"localhost/absent:1", wanted.tags[0]});
    FAIL() << "removed";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), StartsWith("images can't be removed: image used by "));
  }
  ask({"rm", container});
}

TEST_F(MakesImages, SeveralAtOnce) {
  std::vector<ImageResult> results(3);
  std::vector<Recorder> recorders(3);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < results.size(); ++i) {
      const std::string n = std::to_string(i);
      threads.emplace_back(
          [&, i,
           wanted = request("FROM localhost/base\nRUN echo a" + n + "\nRUN echo b" + n + "\n",
                            "service" + n)] {
            results[i] = engine_->make(wanted, recorders[i], {});
          });
    }
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].end, End::made) << results[i].reason << recorders[i].shown;
    EXPECT_THAT(recorders[i].shown, HasSubstr("\nb" + std::to_string(i) + "\n"));
  }
  EXPECT_EQ(left_over(), "");
}

TEST_F(MakesImages, LackOfMemoryIsNamed) {
  if (engine_->host().isolation.kind != "oci") GTEST_SKIP() << "only chroot works here";
  cgroup_ = process::Cgroup::create(id_, {.memory = 64U << 20U});
  if (!cgroup_) GTEST_SKIP() << "cgroups can't be written here";
  engine_ = std::make_unique<BuildahEngine>(context(id_, cgroup_));
  const ImageResult first = make(request("FROM localhost/base\nRUN exec tail /dev/zero\n"));
  EXPECT_EQ(first.reason,
            "step 2/2 RUN exec tail /dev/zero (Dockerfile.web:2): killed: out of memory");
  EXPECT_EQ(first.exit_code, 137);
  const ImageResult child = make(request("FROM localhost/base\nRUN tail /dev/zero; exit 2\n"));
  EXPECT_EQ(child.reason,
            "step 2/2 RUN tail /dev/zero; exit 2 (Dockerfile.web:2): exit status 2, and the kernel "
            "killed "
            "a process: out of memory");
  EXPECT_EQ(left_over(), "");
}

}  // namespace
}  // namespace cooper::engine
