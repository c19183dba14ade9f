// Archives of any kind that somebody else made, perhaps to do harm.

#include "source/foreign/unpack_archive.h"
#include "unit/source_archive_support.h"

#include <gmock/gmock.h>

namespace cooper::source {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

Imported unpack_all(std::string_view archive, const fs::path& target,
                    const ImportLimits& limits = {},
                    std::optional<ArchiveType> said = std::nullopt) {
  const Fd in = memory_file(archive);
  return foreign::unpack_archive(in.get(), target, limits, said);
}

struct Hostile {
  const char* what;
  std::string archive;
  const char* says;
};

class ForeignHostile : public testing::TestWithParam<Hostile> {};

TEST_P(ForeignHostile, IsRefusedAndHarmsNothing) {
  const TempFolder around;
  const fs::path target = around / "target";
  fs::create_directory(target);
  write_text(around / "outside" / "file", "untouched");
  const auto outside = tree_of(around / "outside");

  std::string message;
  const ImportLimits limits{.entries = 50, .depth = 20};
  EXPECT_EQ(code_of([&] { unpack_all(GetParam().archive, target, limits); }, &message),
            Errc::corrupt);
  EXPECT_THAT(message, HasSubstr(GetParam().says));
  EXPECT_EQ(tree_of(around / "outside"), outside);
  EXPECT_EQ(list_folder(around.path()).size(), 2);
  EXPECT_FALSE(fs::exists("/tmp/cooper-evil"));
}

RawEntry link(std::string name, std::string target) {
  return {.name = std::move(name), .type = '2', .target = std::move(target)};
}
RawEntry hard(std::string name, std::string target) {
  return {.name = std::move(name), .type = '1', .target = std::move(target)};
}
RawZipEntry zip_link(std::string name, std::string target) {
  return {.name = std::move(name), .content = std::move(target), .mode = 0120777};
}

std::string many(int count) {
  std::string tar;
  for (int i = 0; i < count; ++i) tar += raw_tar_entry({.name = "f" + std::to_string(i)});
  return tar + kTarEnd;
}

/// A tar with a file of so many zero bytes, really there.
std::string zeros(std::size_t count) {
  return raw_tar(RawEntry{"zeros", '0', std::string(count, '\0')});
}

/// Two names in a zip's list of files for one file, as bombs have it: few bytes, many files.
std::string overlapping_zip() {
  std::string zip = raw_zip({{.name = "a", .content = "x"}});
  const std::size_t list = zip.find("PK\x01\x02");
  const std::size_t end = zip.find("PK\x05\x06");
  const std::string entry = zip.substr(list, end - list);
  return zip.substr(0, end) + entry + "PK\x05\x06" + little(0, 4) + little(2, 2) + little(2, 2) +
         little(2 * entry.size(), 4) + little(list, 4) + little(0, 2);
}

const Hostile kTars[] = {
    {"parent", raw_tar(RawEntry{"../evil"}), "by .."},
    {"parent_inside", raw_tar(RawEntry{"a/../../evil"}), "by .."},
    {"parent_folder", raw_tar(RawEntry{"../evil/", '5'}), "by .."},
    {"parent_in_pax", pax("path", "../evil") + raw_tar(RawEntry{"x"}), "by .."},
    {"parent_in_gnu_name",
     raw_tar_entry({.name = "././@LongLink", .type = 'L', .content = "../evil"}) +
         raw_tar(RawEntry{"x"}),
     "by .."},
    {"absolute", raw_tar(RawEntry{"/tmp/cooper-evil"}), "absolute"},
    {"absolute_in_pax", pax("path", "/tmp/cooper-evil") + raw_tar(RawEntry{"x"}), "absolute"},
    {"through_link", raw_tar(link("l", "d"), RawEntry{"d/", '5'}, RawEntry{"l/file"}),
     "leads through a link"},
    {"through_link_out", raw_tar(link("l", "../outside"), RawEntry{"l/file", '0', "harm"}),
     "leads through a link"},
    {"through_file", raw_tar(RawEntry{"f"}, RawEntry{"f/x"}), "leads through a link or file"},
    {"link_absolute", raw_tar(RawEntry{"a"}, link("l", "/etc/passwd")),
     "l is a link that leads out"},
    {"link_absolute_in_pax",
     raw_tar_entry(RawEntry{"a"}) + pax("linkpath", "/etc/passwd") + raw_tar(link("l", "a")),
     "leads out"},
    {"link_up", raw_tar(RawEntry{"a"}, link("l", "../outside/file")), "leads out"},
    {"link_up_deep", raw_tar(RawEntry{"a"}, link("d/e/l", "../../../outside")), "leads out"},
    {"link_up_dangling", raw_tar(RawEntry{"a"}, link("l", "no/../../outside")), "leads out"},
    {"link_up_by_links",
     raw_tar(RawEntry{"a"}, link("p/q/s", "../.."), link("t", "p/q/s/../outside")), "leads out"},
    {"link_up_by_link_to_folder",
     raw_tar(RawEntry{"a"}, RawEntry{"d/", '5'}, link("here", "."),
             link("t", "d/../here/../../outside")),
     "leads out"},
    {"link_out_of_the_wrapping_folder", raw_tar(RawEntry{"top/a"}, link("top/l", "..")),
     "leads out"},
    {"hard_outside", raw_tar(hard("h", "../outside/file")), "by .."},
    {"hard_absolute", raw_tar(hard("h", "/etc/passwd")), "absolute"},
    {"hard_missing", raw_tar(hard("h", "no")), "not in the archive"},
    {"hard_to_link", raw_tar(RawEntry{"a"}, link("d/l", "../a"), hard("h", "d/l")),
     "links to a link"},
    {"hard_through_link", raw_tar(RawEntry{"d/a"}, link("l", "d"), hard("h", "l/a")),
     "leads through a link"},
    {"hard_to_folder", raw_tar(RawEntry{"d/", '5'}, hard("h", "d")), "links to a folder"},
    {"hard_to_itself", raw_tar(RawEntry{"f"}, hard("f", "./f")), "itself"},
    {"twice", raw_tar(RawEntry{"f", '0', "seen"}, RawEntry{"f", '0', "built"}), "f is there twice"},
    {"twice_otherwise_written", raw_tar(RawEntry{"d/f"}, RawEntry{"./d//f"}), "is there twice"},
    {"file_in_place_of_link", raw_tar(RawEntry{"a"}, link("l", "a"), RawEntry{"l"}),
     "is there twice"},
    {"link_in_place_of_file", raw_tar(RawEntry{"f"}, link("f", "x")), "is there twice"},
    {"folder_in_place_of_link", raw_tar(link("l", "d"), RawEntry{"l/", '5'}), "is there twice"},
    {"hard_in_place_of_file", raw_tar(RawEntry{"f"}, RawEntry{"g"}, hard("g", "f")),
     "is there twice"},
    {"file_in_place_of_folder", raw_tar(RawEntry{"d/x"}, RawEntry{"d"}), "there twice"},
    {"char_device", raw_tar(RawEntry{"dev", '3'}), "device"},
    {"block_device", raw_tar(RawEntry{"dev", '4'}), "device"},
    {"fifo", raw_tar(RawEntry{"pipe", '6'}), "fifo"},
    {"no_name", raw_tar(RawEntry{""}), "no name"},
    {"empty_link", raw_tar(RawEntry{.name = "l", .type = '2'}), "link to nothing"},
    {"name_too_long", pax("path", std::string(256, 'n')) + raw_tar(RawEntry{"x"}), "too long"},
    {"path_too_long",
     pax("path", std::string(100, 'd') + std::string(5000, '/') + "x") + raw_tar(RawEntry{"x"}),
     "too long"},
    {"too_deep", raw_tar(RawEntry{"1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/f"}), "too deep"},
    {"too_many", many(51), "one entry too many: at most 50"},
    {"size_negative", raw_tar(RawEntry{.name = "x", .size_field = std::string(12, '\xff')}),
     "size"},
    {"size_beyond_limit",
     raw_tar(RawEntry{.name = "x",
                      .size_field = std::string("\x80\0\0\0\0\0\x7f\xff\xff\xff\xff\xff", 12)}),
     "too large"},
    {"no_end_mark", raw_tar_entry({.name = "x"}), "no end mark"},
    {"cut", raw_tar(RawEntry{"x", '0', std::string(2000, 'c')}).substr(0, 1500), "cut off at x"},
    {"nothing_in_it", kTarEnd, "holds no file"},
};

const Hostile kOthers[] = {
    {"empty", "", "it is empty"},
    {"text", "no archive\n", "looks like a text"},
    {"web_page", "\n<!DOCTYPE html><title>Sign in</title>", "looks like a web page"},
    {"json", "{\"message\": \"Not Found\"}", "looks like JSON"},
    {"rar", "Rar!\x1a\x07\x01", "a RAR archive"},
    {"seven_zip", "7z\xbc\xaf\x27\x1c", "a 7z archive"},
    {"bytes", std::string("\0\x01\x02\x03", 4), "something else"},
    {"gzip_of_text", compressed_by("gzip", "no archive\n"), "damaged"},
    {"gzip_cut", compressed_by("gzip", raw_tar(RawEntry{"x"})).substr(0, 40), "cut off"},
    {"gzip_damaged",
     compressed_by("gzip", raw_tar(RawEntry{"x"})).substr(0, 12) + std::string(90, '\x77'),
     "damaged"},
    {"gzip_in_gzip", compressed_by("gzip", compressed_by("gzip", raw_tar(RawEntry{"x"}))),
     "more than once"},
    {"zstd_in_gzip", compressed_by("gzip", zstd_of(raw_tar(RawEntry{"x"}))), "damaged"},
    {"zip_in_gzip", compressed_by("gzip", raw_zip({{.name = "x"}})), "damaged"},
    {"bzip2_cut", compressed_by("bzip2", raw_tar(RawEntry{"x"})).substr(0, 60), "cut off"},
    {"xz_cut", compressed_by("xz", raw_tar(RawEntry{"x"})).substr(0, 60), "cut off"},
    {"zstd_cut", zstd_of(raw_tar(RawEntry{"x"})).substr(0, 40), "cut off"},
    {"zstd_in_zstd", zstd_of(zstd_of(raw_tar(RawEntry{"x"}))), "more than once"},
    {"gzip_parent", compressed_by("gzip", raw_tar(RawEntry{"../evil"})), "by .."},
    {"bomb_gzip", compressed_by("gzip", zeros(std::size_t{65} << 20)), "it may be a bomb"},
    {"bomb_bzip2", compressed_by("bzip2", zeros(std::size_t{65} << 20)), "it may be a bomb"},
    {"bomb_zstd", zstd_of(zeros(std::size_t{65} << 20)), "it may be a bomb"},
    {"bomb_of_hard_links",
     [] {
       std::string tar = raw_tar_entry({"f", '0', std::string(std::size_t{2} << 20, 'x')});
       for (int i = 0; i < 40; ++i) tar += raw_tar_entry(hard("h" + std::to_string(i), "f"));
       return compressed_by("gzip", tar + kTarEnd);
     }(),
     "it may be a bomb"},
};

const Hostile kZips[] = {
    {"zip_parent", raw_zip({{.name = "../evil"}}), "by .."},
    {"zip_parent_inside", raw_zip({{.name = "a/../../evil"}}), "by .."},
    {"zip_parent_of_dos", raw_zip({{.name = "..\\evil", .mode = 0}}), "by .."},
    {"zip_absolute", raw_zip({{.name = "/tmp/cooper-evil"}}), "absolute"},
    {"zip_through_link",
     raw_zip({zip_link("l", "../outside"), {.name = "l/file", .content = "harm"}}),
     "leads through a link"},
    {"zip_link_absolute", raw_zip({{.name = "a"}, zip_link("l", "/etc/passwd")}), "leads out"},
    {"zip_link_up", raw_zip({{.name = "a"}, zip_link("d/l", "../../outside")}), "leads out"},
    {"zip_device", raw_zip({{.name = "dev", .mode = 0020666}}), "device"},
    {"zip_socket", raw_zip({{.name = "socket", .mode = 0140666}}), "socket"},
    {"zip_twice", raw_zip({{.name = "f", .content = "seen"}, {.name = "f", .content = "built"}}),
     "is there twice"},
    {"zip_encrypted", raw_zip({{.name = "f", .content = "secret", .flags = 1}}), "is encrypted"},
    {"zip_wrong_checksum", raw_zip({{.name = "f", .content = "text", .spoil = 1}}), "at f"},
    {"zip_says_too_much", raw_zip({{.name = "f", .content = "text", .lie = 4096}}), "f"},
    {"zip_cut", raw_zip({{.name = "f", .content = std::string(300, 'x')}}).substr(0, 200),
     "cut off"},
    {"zip_without_files", raw_zip({}), "cut off"},
    {"zip_name_too_long", raw_zip({{.name = std::string(256, 'n')}}), "too long"},
    {"zip_no_name", raw_zip({{.name = ""}}), "no name"},
};

INSTANTIATE_TEST_SUITE_P(Tar, ForeignHostile, testing::ValuesIn(kTars),
                         [](const auto& tested) { return std::string(tested.param.what); });
INSTANTIATE_TEST_SUITE_P(Compressed, ForeignHostile, testing::ValuesIn(kOthers),
                         [](const auto& tested) { return std::string(tested.param.what); });
INSTANTIATE_TEST_SUITE_P(Zip, ForeignHostile, testing::ValuesIn(kZips),
                         [](const auto& tested) { return std::string(tested.param.what); });

TEST(Foreign, ReadsEveryKindWhateverItIsCalled) {
  const std::string tar = raw_tar(RawEntry{"a", '0', "x"}, RawEntry{"d/b", '0', "y"});
  const std::pair<ArchiveType, std::string> kinds[] = {
      {ArchiveType::tar, tar},
      {ArchiveType::tar_gz, compressed_by("gzip", tar)},
      {ArchiveType::tar_zst, zstd_of(tar)},
      {ArchiveType::tar_bz2, compressed_by("bzip2", tar)},
      {ArchiveType::tar_xz, compressed_by("xz", tar)},
      {ArchiveType::zip,
       raw_zip({{.name = "a", .content = "x"}, {.name = "d/b", .content = "y"}})}};
  for (const auto& [type, bytes] : kinds) {
    const TempFolder to;
    const Imported imported = unpack_all(bytes, to.path());
    EXPECT_EQ(imported.type, type);
    EXPECT_EQ(imported.unpacked.files, 2);
    EXPECT_EQ(tree_of(to.path()).at("a"), "0644 x") << text_of(type);
    EXPECT_EQ(tree_of(to.path()).at("d/b"), "0644 y") << text_of(type);
  }
}

TEST(Foreign, WhatItIsSaidToBeIsChecked) {
  const TempFolder to;
  std::string message;
  const std::string zip = raw_zip({{.name = "a"}});
  EXPECT_EQ(code_of([&] { unpack_all(zip, to.path(), {}, ArchiveType::tar_gz); }, &message),
            Errc::invalid);
  EXPECT_EQ(message, "the archive is a zip, no tar.gz");
  EXPECT_TRUE(list_folder(to.path()).empty());
  unpack_all(zip, to.path(), {}, ArchiveType::zip);
  const TempFolder other;  // GNU tar takes a compressed one for a tar, too, and so does Dokku
  unpack_all(zstd_of(raw_tar(RawEntry{"a"})), other.path(), {}, ArchiveType::tar);
}

TEST(Foreign, OneFolderAroundAllIsNotTheSource) {
  const TempFolder to, two, file, linked;
  unpack_all(raw_tar(RawEntry{"shop-1.2/", '5'}, RawEntry{"shop-1.2/d/f"}), to.path());
  EXPECT_EQ(source_folder(to.path()), to / "shop-1.2");
  unpack_all(raw_tar(RawEntry{"a/f"}, RawEntry{"b"}), two.path());
  EXPECT_EQ(source_folder(two.path()), two.path());
  unpack_all(raw_tar(RawEntry{"Dockerfile"}), file.path());
  EXPECT_EQ(source_folder(file.path()), file.path());
  fs::create_directory_symlink(two.path(), linked / "l");
  EXPECT_EQ(source_folder(linked.path()), linked.path());
}

TEST(Foreign, LinksWithinAreKept) {
  const TempFolder to;
  unpack_all(
      raw_tar(RawEntry{"top/d/f", '0', "x"}, link("top/l", "d/f"), link("top/d/up", "../l"),
              link("top/dangling", "no"), link("top/round", "round"), hard("top/h", "top/d/f")),
      to.path());
  const auto tree = tree_of(to / "top");
  EXPECT_EQ(tree.at("l"), "-> d/f");
  EXPECT_EQ(tree.at("d/up"), "-> ../l");
  EXPECT_EQ(tree.at("round"), "-> round");
  EXPECT_EQ(tree.at("h"), "0644 x");
}

TEST(Foreign, ModesAreHarmlessAndLeaveTheOwnerAbleToRemoveAll) {
  const TempFolder to;
  unpack_all(raw_tar(RawEntry{.name = "suid", .mode = 06755}, RawEntry{.name = "locked", .mode = 0},
                     RawEntry{.name = "d/", .type = '5', .mode = 01000},
                     RawEntry{.name = "d/f", .mode = 0444}),
             to.path());
  const auto tree = tree_of(to.path());
  EXPECT_EQ(tree.at("suid"), "0755 ");
  EXPECT_EQ(tree.at("locked"), "0600 ");
  EXPECT_EQ(tree.at("d"), "0700 folder");
  EXPECT_EQ(tree.at("d/f"), "0644 ");
}

TEST(Foreign, ZipsKeepModesLinksAndNames) {
  constexpr unsigned kUtf8 = 1U << 11U;
  const TempFolder to;
  unpack_all(raw_zip({{.name = "run", .content = "#!/bin/sh\n", .mode = 0104755},
                      zip_link("l", "run"),
                      {.name = "naïve", .flags = kUtf8},
                      {.name = "日本", .flags = kUtf8},
                      {.name = "latin \xe9"},
                      {.name = "folder/", .mode = 0040755},
                      {.name = "typeless", .mode = 0600}}),
             to.path());
  const auto tree = tree_of(to.path());
  EXPECT_EQ(tree.at("run"), "0755 #!/bin/sh\n");
  EXPECT_EQ(tree.at("l"), "-> run");
  EXPECT_EQ(tree.at("folder"), "0755 folder");
  EXPECT_EQ(tree.at("typeless"), "0600 ");
  for (const char* name : {"naïve", "日本", "latin \xe9"}) EXPECT_TRUE(tree.contains(name)) << name;
}

/// libarchive overlooks these, and what it makes of them does no harm.
TEST(Foreign, OddZips) {
  const TempFolder fifo, overlapping;
  unpack_all(raw_zip({{.name = "pipe", .content = "x", .mode = 0010666}}), fifo.path());
  EXPECT_EQ(tree_of(fifo.path()).at("pipe"), "0666 x");  // a file
  EXPECT_EQ(unpack_all(overlapping_zip(), overlapping.path()).unpacked.files, 1);
}

/// Such a name does no harm: it ends at the NUL, or the archive is refused.
TEST(Foreign, NamesEndAtANul) {
  const TempFolder around;
  fs::create_directory(around / "target");
  try {
    unpack_all(raw_zip({{.name = std::string("a\0/../../evil", 13), .content = "x"}}),
               around / "target");
    EXPECT_EQ(tree_of(around / "target").size(), 1);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::corrupt);
  }
  EXPECT_EQ(list_folder(around.path()).size(), 1);
}

TEST(Foreign, WhatShrinksWellIsNoBomb) {
  const TempFolder to;
  std::string text;
  while (text.size() < std::size_t{70} << 20) {
    text += std::to_string(text.size()) + " lines that are much alike, as in a fixture of tests\n";
  }
  EXPECT_EQ(unpack_all(compressed_by("gzip", raw_tar(RawEntry{"text", '0', text})), to.path())
                .unpacked.bytes,
            text.size());
}

TEST(Foreign, FilesTogetherHaveALimit) {
  const TempFolder to;
  std::string message;
  const std::string tar = raw_tar(RawEntry{"a", '0', "12345"}, RawEntry{"b", '0', "123456"});
  EXPECT_EQ(code_of([&] { unpack_all(tar, to.path(), {.bytes = 10}); }, &message), Errc::corrupt);
  EXPECT_THAT(message, testing::EndsWith("b is too large: all files together may have 10 B"));
}

}  // namespace
}  // namespace cooper::source
