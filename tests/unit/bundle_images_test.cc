// What is read of images' archives, and what of it is staged.

#include "base/sha256.h"
#include "bundle/blob_spool.h"
#include "bundle/build_facts.h"
#include "bundle/gzip.h"
#include "bundle/image_files.h"
#include "bundle/import_plan.h"
#include "bundle/staged_archive.h"
#include "bundle/tar_blocks.h"
#include "source/archive_listing.h"
#include "unit/source_test_support.h"

namespace cooper::bundle {
namespace {

using source::all_of;
using source::memory_file;

std::string entry(std::string_view path, std::string_view content) {
  std::string text = tar_header({.path = path, .size = content.size()});
  text += content;
  return text.append(tar_padding(content.size()), '\0');
}

std::string config_of(std::string_view layer) {
  return R"({"rootfs":{"diff_ids":["sha256:)" + hex(sha256(layer)) + R"("]}})";
}

/// As `docker save` writes it.
std::string docker_archive(const std::string& name, std::string_view layer) {
  return entry("x/layer.tar", layer) + entry("c.json", config_of(layer)) +
         entry("manifest.json",
               R"([{"Config":"c.json","RepoTags":[")" + name + R"("],"Layers":["x/layer.tar"]}])") +
         std::string(kTarEnd, '\0');
}

std::vector<ArchivedImage> read(ImageFiles& files, const std::string& tar) {
  const Fd in = memory_file(tar);
  source::ArchiveReader reader(in.get());
  while (const auto each = reader.next()) files.take(*each, reader);
  return files.images();
}

TEST(BlobSpool, KeepsEachContentForEveryPlace) {
  const TempFolder folder;
  BlobSpool spool(folder.path(), gzip_compressor());
  const auto add = [&](const std::string& text, bool wanted) {
    spool.begin(text.size());
    spool.write(text);
    if (wanted) {
      spool.keep(hex(sha256(text)));
    } else {
      spool.drop();
    }
  };
  const std::string large(5 << 20, 'l');
  add("one", true);
  add(large, false);
  add("two", true);
  add(large, true);
  const Fd out = memory_file();
  for (const std::string& text : {std::string("two"), large, std::string("one"), large}) {
    spool.copy(hex(sha256(text)), out.get());
  }
  const Fd in = memory_file(all_of(out).substr(2));
  const Fd plain = memory_file();
  gunzip("\x1f\x8b", in.get(), plain.get());
  EXPECT_EQ(all_of(plain), "two" + large + "one" + large);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(StagedArchive, HoldsEachContentOnceUnderItsDigest) {
  const TempFolder folder;
  StagedArchive archive(folder / "images.tar");
  ImageFiles first(archive, "linux/amd64", nullptr);
  const ArchivedImage one = read(first, docker_archive("a:1", "layer")).at(0);
  ImageFiles second(archive, "linux/amd64", nullptr);
  const ArchivedImage two = read(second, docker_archive("b:1", "layer")).at(0);
  EXPECT_EQ(one.names, std::vector<std::string>{"a:1"});
  const std::vector<NamedImage> named = {{.image = &one, .references = {"localhost/app:web.1"}}};
  archive.finish(named);
  const Fd file = open_file(folder / "images.tar", O_RDONLY);
  const auto listed = source::list_archive(file.get());
  EXPECT_EQ(listed.at(one.layers[0].digest).content, hex(sha256("layer")));
  EXPECT_EQ(listed.at(one.config.digest).content, one.config.digest);
  EXPECT_TRUE(listed.contains("manifest.json"));
  EXPECT_EQ(one.config, two.config);
  // Read as any other, it is the same image, with the name that it was given.
  const Fd again = open_file(folder / "images.tar", O_RDONLY);
  StagedArchive copy(folder / "copy.tar");
  ImageFiles files(copy, "linux/amd64", nullptr);
  source::ArchiveReader reader(again.get());
  while (const auto each = reader.next()) files.take(*each, reader);
  const auto images = files.images();
  ASSERT_EQ(images.size(), 1U);
  EXPECT_EQ(images[0].names, std::vector<std::string>{"localhost/app:web.1"});
  EXPECT_EQ(images[0].config, one.config);
}

TEST(StagedArchive, BelievesNoSizeBeyondTheDisk) {
  const TempFolder folder;
  StagedArchive archive(folder / "images.tar");
  EXPECT_EQ(code_of([&] { archive.begin(std::uint64_t{1} << 60); }), Errc::unavailable);
}

TEST(ImageFiles, OfSeveralPlatformsTheOneThatIsAskedForIsTaken) {
  const TempFolder folder;
  StagedArchive archive(folder / "images.tar");
  const auto manifest_of = [](const std::string& config) {
    return R"({"config":{"digest":"sha256:)" + hex(sha256(config)) + R"("},"layers":[]})";
  };
  const std::string config_a = R"({"rootfs":{"diff_ids":[]},"architecture":"amd64"})";
  const std::string config_b = R"({"rootfs":{"diff_ids":[]},"architecture":"arm64"})";
  const auto descriptor = [](const std::string& content, const std::string& more) {
    return R"({"digest":"sha256:)" + hex(sha256(content)) + "\"" + more + "}";
  };
  const std::string a = manifest_of(config_a);
  const std::string b = manifest_of(config_b);
  const std::string both =
      R"({"manifests":[)" + descriptor(b, R"(,"platform":{"os":"linux","architecture":"arm64"})") +
      "," + descriptor(a, R"(,"platform":{"os":"linux","architecture":"amd64"})") + "]}";
  const std::string index =
      R"({"manifests":[)" +
      descriptor(both, R"(,"annotations":{"org.opencontainers.image.ref.name":"x:1"})") + "]}";
  std::string tar = entry("oci-layout", "{}") + entry("index.json", index);
  for (const std::string& blob : {both, a, b, config_a, config_b}) {
    tar += entry("blobs/sha256/" + hex(sha256(blob)), blob);
  }
  tar.append(kTarEnd, '\0');
  ImageFiles files(archive, "linux/amd64", nullptr);
  const auto images = read(files, tar);
  ASSERT_EQ(images.size(), 1U);
  EXPECT_EQ(images[0].config_text, config_a);
  EXPECT_EQ(images[0].names, std::vector<std::string>{"x:1"});
}

TEST(ImportPlan, ComesBackAsItWasWritten) {
  const ImportPlan plan{
      .from = "hello/b1",
      .description = "a \"text\"",
      .git_sha = "abc",
      .manifest = "services:\n",
      .services = {{ServiceName::parse("web").value(), 0}, {ServiceName::parse("api").value(), 1}}};
  EXPECT_EQ(parse_import_plan(to_json(plan)).value(), plan);
  for (const char* damaged : {"", "{}", "[]", R"({"from":1})"}) {
    EXPECT_FALSE(parse_import_plan(damaged)) << damaged;
  }
}

TEST(BuildFacts, AreWhatConvoxReads) {
  const Build build{.id = BuildId::parse("b1").value(),
                    .app = AppName::parse("hello").value(),
                    .started_at = {Time{}},
                    .status = Status::succeeded,
                    .description = "text",
                    .git_sha = "abc",
                    .release = "r1"};
  const BuildFacts facts = parse_build_json(to_build_json(build, "services:\n")).value();
  EXPECT_EQ(facts.id, "b1");
  EXPECT_EQ(facts.app, "hello");
  EXPECT_EQ(facts.manifest, "services:\n");
  EXPECT_EQ(facts.git_sha, "abc");
  EXPECT_EQ(parse_build_json(R"({"status":"running"})").error().code(), Errc::invalid);
  EXPECT_EQ(parse_build_json(R"({"id":null})").value().id, "");
}

}  // namespace
}  // namespace cooper::bundle
