// Archives that were made to do harm, or are broken.

#include "source/unpack.h"
#include "unit/source_archive_support.h"

#include <gmock/gmock.h>

namespace cooper::source {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

struct Hostile {
  const char* what;
  std::string archive;
  const char* says;
};

class UnpackHostile : public testing::TestWithParam<Hostile> {};

TEST_P(UnpackHostile, IsRefusedAndHarmsNothing) {
  const TempFolder around;
  const fs::path target = around / "target";
  fs::create_directory(target);
  write_text(around / "outside" / "file", "untouched");
  fs::create_symlink("../outside", target / "old-link");
  const auto outside = tree_of(around / "outside");

  std::string message;
  EXPECT_EQ(code_of([&] { unpack_bytes(GetParam().archive, target); }, &message), Errc::corrupt);
  EXPECT_THAT(message, HasSubstr(GetParam().says));
  EXPECT_EQ(tree_of(around / "outside"), outside);
  EXPECT_FALSE(fs::exists(around / "evil"));
}

const Hostile kHostile[] = {
    {"parent", raw_tar(RawEntry{"../evil"}), "by .."},
    {"parent_inside", raw_tar(RawEntry{"a/../../evil"}), "by .."},
    {"parent_harmless", raw_tar(RawEntry{"a/../b"}), "by .."},
    {"parent_folder", raw_tar(RawEntry{"../evil/", '5'}), "by .."},
    {"absolute", raw_tar(RawEntry{"/tmp/evil"}), "absolute"},
    {"absolute_in_pax", pax("path", "/tmp/evil") + raw_tar(RawEntry{"x"}), "absolute"},
    {"parent_in_pax", pax("path", "../evil") + raw_tar(RawEntry{"x"}), "by .."},
    {"parent_in_gnu_name",
     raw_tar_entry({.name = "././@LongLink", .type = 'L', .content = "../evil"}) +
         raw_tar(RawEntry{"x"}),
     "by .."},
    {"through_link",
     raw_tar(RawEntry{.name = "l", .type = '2', .target = "../outside"}, RawEntry{"l/file"}),
     "leads through a link"},
    {"through_link_deep",
     raw_tar(RawEntry{.name = "d/l", .type = '2', .target = "/"}, RawEntry{"d/l/tmp/evil"}),
     "leads through a link"},
    {"through_old_link", raw_tar(RawEntry{"old-link/file", '0', "harm"}), "leads through a link"},
    {"folder_through_old_link", raw_tar(RawEntry{"old-link/new/", '5'}), "leads through a link"},
    {"through_file", raw_tar(RawEntry{"f"}, RawEntry{"f/x"}), "leads through a link or file"},
    {"hard_link_outside", raw_tar(RawEntry{.name = "h", .type = '1', .target = "../outside/file"}),
     "by .."},
    {"hard_link_absolute", raw_tar(RawEntry{.name = "h", .type = '1', .target = "/etc/passwd"}),
     "absolute"},
    {"hard_link_through_link",
     raw_tar(RawEntry{.name = "h", .type = '1', .target = "old-link/file"}),
     "leads through a link"},
    {"hard_link_missing", raw_tar(RawEntry{.name = "h", .type = '1', .target = "no"}),
     "not in the archive"},
    {"hard_link_to_folder",
     raw_tar(RawEntry{"d/", '5'}, RawEntry{.name = "h", .type = '1', .target = "d"}),
     "links to a folder"},
    {"hard_link_to_itself",
     raw_tar(RawEntry{"f"}, RawEntry{.name = "f", .type = '1', .target = "./f"}), "itself"},
    {"replaces_folder", raw_tar(RawEntry{"d/x"}, RawEntry{"d"}), "replace a folder"},
    {"link_replaces_folder",
     raw_tar(RawEntry{"d/x"}, RawEntry{.name = "d", .type = '2', .target = "/"}),
     "replace a folder"},
    {"char_device", raw_tar(RawEntry{"dev", '3'}), "device"},
    {"block_device", raw_tar(RawEntry{"dev", '4'}), "device"},
    {"fifo", raw_tar(RawEntry{"pipe", '6'}), "fifo"},
    {"no_name", raw_tar(RawEntry{""}), "no name"},
    {"only_dots", raw_tar(RawEntry{"./."}), "no name"},
    {"empty_link", raw_tar(RawEntry{.name = "l", .type = '2'}), "link to nothing"},
    {"name_too_long", pax("path", std::string(256, 'n')) + raw_tar(RawEntry{"x"}), "too long"},
    {"path_too_long",
     pax("path", std::string(100, 'd') + std::string(5000, '/') + "x") + raw_tar(RawEntry{"x"}),
     "too long"},
    {"too_deep",
     [] {
       std::string deep;
       for (int i = 0; i < 600; ++i) deep += "d/";
       return pax("path", deep + "x") + raw_tar(RawEntry{"x"});
     }(),
     "too deep"},
    {"pax_too_long", raw_tar_entry({.name = "p", .type = 'x', .size_field = "77777777777"}),
     "too large"},
    {"pax_size_no_number", pax("size", "-1") + raw_tar(RawEntry{"x"}), "size"},
    {"size_no_number", raw_tar(RawEntry{.name = "x", .size_field = "zzzzzzzzzzz"}), "Unrecognized"},
    {"size_negative", raw_tar(RawEntry{.name = "x", .size_field = std::string(12, '\xff')}),
     "size"},
    {"size_overflows",
     raw_tar(RawEntry{.name = "x", .size_field = "\x80" + std::string(11, '\xff')}), "size"},
    {"size_beyond_limit",
     raw_tar(RawEntry{.name = "x",
                      .size_field = std::string("\x80\0\0\0\0\0\x7f\xff\xff\xff\xff\xff", 12)}),
     "too large"},
    {"nothing", "", "cut off"},
    {"no_tar", std::string(2048, 'x'), "Unrecognized"},
    {"something_else_after_it", raw_tar(RawEntry{"x"}) + std::string(512, 'x'), "after x"},
    {"no_end_mark", raw_tar_entry({.name = "x"}), "no end mark"},
    {"cut_in_content", raw_tar(RawEntry{"x", '0', std::string(2000, 'c')}).substr(0, 1500),
     "cut off at x"},
    {"cut_in_header", raw_tar(RawEntry{"x"}).substr(0, 100), "cut off"},
    {"zstd_cut", zstd_of(raw_tar(RawEntry{"x"})).substr(0, 40), "cut off"},
    {"zstd_damaged", zstd_of(raw_tar(RawEntry{"x"})).substr(0, 12) + std::string(90, '\x77'),
     "damaged"},
    {"zstd_of_nothing", zstd_of(""), "cut off"},
    {"zstd_in_zstd", zstd_of(zstd_of(raw_tar(RawEntry{"x"}))), "more than once"},
};

INSTANTIATE_TEST_SUITE_P(All, UnpackHostile, testing::ValuesIn(kHostile),
                         [](const auto& tested) { return std::string(tested.param.what); });

/// Packs `folder` with GNU tar.
std::string tar_of(const fs::path& folder, std::vector<std::string> options) {
  options.insert(options.begin(), "tar");
  options.insert(options.end(), {"-cf", "-", "."});
  process::Captured tar =
      process::run({.argv = options, .environment = process::own_environment(), .folder = folder});
  EXPECT_TRUE(tar.status.ok()) << tar.err;
  return std::move(tar.out);
}

TEST(Unpack, ReadsWhatGnuTarWrites) {
  for (const std::string format : {"v7", "ustar", "gnu", "posix"}) {
    const TempFolder from, to;
    write_text(from / "plain", "text");
    write_text(from / "naïve", "unicode");
    write_text(from / "not utf-8: \xff\xfe", "bytes");
    fs::create_symlink("naïve", from / "link");
    if (format != "v7") write_text(from / std::string(90, 'a') / std::string(90, 'b'), "long");
    if (format == "gnu" || format == "posix") {
      write_text(from / (std::string(120, 'c') + "ï"), "longer");
      write_text(from / (std::string(120, 'd') + "\xff"), "longer, of any bytes");
    }
    unpack_bytes(tar_of(from.path(), {"--format=" + format}), to.path());
    EXPECT_EQ(tree_of(to.path()), tree_of(from.path())) << format;
  }
}

TEST(Unpack, RefusesSparseFiles) {
  const TempFolder from;
  write_text(from / "holes", "begin");
  fs::resize_file(from / "holes", std::size_t{8} << 20);
  for (const std::string format : {"gnu", "posix"}) {
    const TempFolder to;
    std::string message;
    EXPECT_EQ(
        code_of(
            [&] {
              unpack_bytes(tar_of(from.path(), {"--sparse", "--format=" + format}), to.path());
            },
            &message),
        Errc::corrupt);
    EXPECT_THAT(message, HasSubstr("holes is a sparse file")) << format;
  }
}

/// Of what packing makes, no part passes for the whole.
TEST(Unpack, EveryCutIsNoticed) {
  const TempFolder from, to;
  for (const char* name : {"a", "b/c", "b/d"}) write_text(from / name, name);
  const std::string archive = packed({.folder = from.path()});
  unpack_bytes(archive, to.path());
  for (std::size_t length = 0; length < archive.size(); ++length) {
    EXPECT_EQ(code_of([&] { unpack_bytes(archive.substr(0, length), to.path()); }), Errc::corrupt)
        << length;
  }
}

TEST(Unpack, LooksAtTheChecksumAtTheEnd) {
  const TempFolder from, to;
  write_text(from / "a", "b");
  std::string archive = packed({.folder = from.path()});
  archive.back() = static_cast<char>(archive.back() ^ 1);
  EXPECT_EQ(code_of([&] { unpack_bytes(archive, to.path()); }), Errc::corrupt);
}

/// What libarchive overlooks does no harm: names are looked at as it gives them.
TEST(Unpack, ReadsOverSmallDamage) {
  const auto only_file = [](std::string_view archive) {
    const TempFolder to;
    unpack_bytes(archive, to.path());
    const auto tree = tree_of(to.path());
    return tree.size() == 1 ? tree.begin()->first : std::to_string(tree.size()) + " files";
  };
  const auto after_pax = [](const std::string& records) {
    return raw_tar_entry({.name = "p", .type = 'x', .content = records}) + raw_tar(RawEntry{"x"});
  };
  EXPECT_EQ(only_file(after_pax("99 path=y\n")), "x");
  EXPECT_EQ(only_file(after_pax("1 path=y\n")), "x");
  EXPECT_EQ(only_file(after_pax("12345")), "x");
  EXPECT_EQ(only_file(pax("path", std::string_view("a\0../b", 6)) + raw_tar(RawEntry{"x"})), "a");
  EXPECT_EQ(only_file(raw_tar(RawEntry{"q", 'Q'})), "q");  // POSIX: a file
  EXPECT_EQ(only_file(raw_tar(RawEntry{"x"}) + std::string(20480, '\0')), "x");
}

TEST(Unpack, RefusesMoreEntriesThanAllowed) {
  const TempFolder to;
  const std::string archive = raw_tar(RawEntry{"a"}, RawEntry{"b"}, RawEntry{"c"});
  unpack_bytes(archive, to.path(), {.entries = 3});
  std::string message;
  EXPECT_EQ(code_of([&] { unpack_bytes(archive, to.path(), {.entries = 2}); }, &message),
            Errc::corrupt);
  EXPECT_THAT(message, HasSubstr("archive's c is one entry too many"));
}

TEST(Unpack, RefusesMoreBytesThanAllowedBeforeItWritesThem) {
  const TempFolder to;
  const std::string archive =
      zstd_of(raw_tar(RawEntry{"a", '0', "12345"}, RawEntry{"bomb", '0', std::string(6, '0')}));
  unpack_bytes(archive, to.path(), {.bytes = 11});
  remove_file(to / "bomb");
  std::string message;
  EXPECT_EQ(code_of([&] { unpack_bytes(archive, to.path(), {.bytes = 10}); }, &message),
            Errc::corrupt);
  EXPECT_THAT(message, HasSubstr("bomb is too large"));
  EXPECT_FALSE(fs::exists(to / "bomb"));
}

TEST(Unpack, NamesWhatItRefusesWithoutControlCharacters) {
  const TempFolder to;
  std::string message;
  code_of([&] { unpack_bytes(raw_tar(RawEntry{"/\x1b[31mred"}), to.path()); }, &message);
  EXPECT_THAT(message, HasSubstr("/?[31mred"));
}

TEST(Unpack, NeverGivesSpecialBits) {
  const TempFolder to;
  unpack_bytes(raw_tar(RawEntry{.name = "suid", .content = "x", .mode = 06755},
                       RawEntry{.name = "sticky/", .type = '5', .mode = 03777}),
               to.path());
  EXPECT_EQ(tree_of(to.path()),
            (std::map<std::string, std::string>{{"suid", "0755 x"}, {"sticky", "0777 folder"}}));
}

TEST(Unpack, MakesFoldersThatHaveNoEntry) {
  const TempFolder to;
  unpack_bytes(raw_tar(RawEntry{"./a//b/./c", '0', "x"}), to.path());
  EXPECT_EQ(tree_of(to.path())["a/b/c"], "0644 x");
}

TEST(Unpack, FillsAFolderThatEndsUpReadOnly) {
  const TempFolder to;
  unpack_bytes(raw_tar(RawEntry{.name = "d/", .type = '5', .mode = 0500}, RawEntry{"e", '0', "e"},
                       RawEntry{"d/late", '0', "x"}),
               to.path());
  const auto tree = tree_of(to.path());
  EXPECT_EQ(tree.at("d"), "0500 folder");
  EXPECT_EQ(tree.at("d/late"), "0644 x");
}

TEST(Unpack, LaterEntryReplacesEarlierFileOrLink) {
  const TempFolder to;
  write_text(to / "elsewhere", "old");
  fs::create_symlink("elsewhere", to / "link");
  unpack_bytes(raw_tar(RawEntry{"f", '0', "one"}, RawEntry{"f", '0', "two"},
                       RawEntry{"link", '0', "now a file"},
                       RawEntry{.name = "f2", .type = '2', .target = "x"}, RawEntry{"f2/", '5'},
                       RawEntry{"f2/in", '0', "y"}),
               to.path());
  const auto tree = tree_of(to.path());
  EXPECT_EQ(tree.at("f"), "0644 two");
  EXPECT_EQ(tree.at("link"), "0644 now a file");
  EXPECT_EQ(tree.at("elsewhere"), "0644 old");
  EXPECT_EQ(tree.at("f2/in"), "0644 y");
}

TEST(Unpack, ReplacingAHardLinkLeavesItsTwinAlone) {
  const TempFolder to;
  unpack_bytes(
      raw_tar(RawEntry{"a", '0', "kept"}, RawEntry{.name = "d/b", .type = '1', .target = "a"},
              RawEntry{"d/b", '0', "new"}),
      to.path());
  EXPECT_EQ(tree_of(to.path()).at("a"), "0644 kept");
}

TEST(Unpack, MakesHardLinks) {
  const TempFolder to;
  const UnpackResult result = unpack_bytes(
      raw_tar(RawEntry{"d/a", '0', "x"}, RawEntry{.name = "b", .type = '1', .target = "./d/a"}),
      to.path());
  EXPECT_TRUE(fs::equivalent(to / "d/a", to / "b"));
  EXPECT_EQ(result.links, 1);
}

TEST(Unpack, ReadsGnuLongNamesAndV7Folders) {
  const TempFolder to;
  const std::string name(180, 'n');
  const std::string target(150, 't');
  unpack_bytes(
      raw_tar_entry({.name = "././@LongLink", .type = 'L', .content = name + '\0', .gnu = true}) +
          raw_tar_entry({.name = name, .content = "x", .gnu = true}) +
          raw_tar_entry({.name = "././@LongLink", .type = 'K', .content = target + '\0'}) +
          raw_tar(RawEntry{.name = "l", .type = '2', .target = target, .gnu = true},
                  RawEntry{"old-folder/", '\0'}),
      to.path());
  const auto tree = tree_of(to.path());
  EXPECT_EQ(tree.at(name), "0644 x");
  EXPECT_EQ(tree.at("l"), "-> " + target);
  EXPECT_EQ(tree.at("old-folder"), "0644 folder");
}

TEST(Unpack, IgnoresGlobalHeaders) {
  const TempFolder to;
  unpack_bytes(raw_tar_entry({.name = "pax_global_header",
                              .type = 'g',
                              .content = "52 comment=0123456789012345678901234567890123456789\n"}) +
                   raw_tar(RawEntry{"./", '5'}, RawEntry{"x", '0', "y"}),
               to.path());
  EXPECT_EQ(tree_of(to.path()), (std::map<std::string, std::string>{{"x", "0644 y"}}));
}

TEST(Unpack, ReadsFramesInARowAndSkippableOnes) {
  const TempFolder to;
  const std::string tar = raw_tar(RawEntry{"x", '0', std::string(5000, 'x')});
  const std::string skippable("\x50\x2a\x4d\x18\x03\0\0\0abc", 11);
  unpack_bytes(
      skippable + zstd_of(tar.substr(0, 700)) + zstd_of("") + skippable + zstd_of(tar.substr(700)),
      to.path());
  EXPECT_EQ(fs::file_size(to / "x"), 5000);
}

TEST(Unpack, StopRequestEndsIt) {
  const TempFolder to;
  std::stop_source stop;
  stop.request_stop();
  const Fd in = memory_file(raw_tar(RawEntry{"x"}));
  EXPECT_EQ(code_of([&] { unpack(in.get(), to.path(), {}, stop.get_token()); }), Errc::canceled);
  EXPECT_FALSE(fs::exists(to / "x"));
}

TEST(Unpack, TargetMustExist) {
  const TempFolder to;
  EXPECT_EQ(code_of([&] { unpack_bytes(raw_tar(), to / "missing"); }), Errc::not_found);
}

/// Whatever one changes in an archive: it unpacks, or is refused as corrupt.
TEST(Unpack, EveryDamagedByteIsSurvived) {
  const std::string archive =
      pax("path", "long") + raw_tar(RawEntry{"a"}, RawEntry{"d/", '5'},
                                    RawEntry{"d/x", '0', "content"},
                                    RawEntry{.name = "l", .type = '2', .target = "a"});
  for (std::size_t i = 0; i < archive.size(); i += i % 512 < 270 ? 7U : 64U) {
    const TempFolder to;
    std::string bytes = archive;
    bytes[i] = static_cast<char>(bytes[i] ^ 0x2f);
    try {
      unpack_bytes(bytes, to.path());
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::corrupt) << "byte " << i << ": " << error.message();
    }
  }
}

}  // namespace
}  // namespace cooper::source
