#include "source/archive_type.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace cooper::source {
namespace {

using namespace std::string_view_literals;

constexpr std::array kNames = {
    std::pair{ArchiveType::tar, "tar"sv},         std::pair{ArchiveType::tar_gz, "tar.gz"sv},
    std::pair{ArchiveType::tar_gz, "tgz"sv},      std::pair{ArchiveType::tar_zst, "tar.zst"sv},
    std::pair{ArchiveType::tar_bz2, "tar.bz2"sv}, std::pair{ArchiveType::tar_xz, "tar.xz"sv},
    std::pair{ArchiveType::zip, "zip"sv}};

// PKWARE's APPNOTE (one file or more, none), RFC 1952, RFC 8878, bzip2, the .xz format.
constexpr std::array kMagics = {std::pair{"PK\x03\x04"sv, ArchiveType::zip},
                                std::pair{"PK\x05\x06"sv, ArchiveType::zip},
                                std::pair{"\x1f\x8b"sv, ArchiveType::tar_gz},
                                std::pair{"\x28\xb5\x2f\xfd"sv, ArchiveType::tar_zst},
                                std::pair{"BZh"sv, ArchiveType::tar_bz2},
                                std::pair{"\xfd"
                                          "7zXZ\0"sv,
                                          ArchiveType::tar_xz}};

constexpr std::array kOthers = {
    std::pair{"7z\xbc\xaf\x27\x1c"sv, "a 7z archive"sv},
    std::pair{"Rar!"sv, "a RAR archive"sv},
    std::pair{"PK"sv, "a part of a split zip archive"sv},
    std::pair{"!<arch>"sv, "a Debian package or a library"sv},
    std::pair{"# v2 git bundle"sv, "a git bundle"sv},
    std::pair{"version https://git-lfs"sv, "a pointer of Git LFS, in place of the file"sv},
    std::pair{"%PDF"sv, "a PDF"sv},
    std::pair{"\x7f"
              "ELF"sv,
              "a program"sv}};

constexpr std::size_t kHeader = 512;
constexpr std::size_t kChecksum = 148;

/// The sum of a tar header's bytes, its own eight taken as blanks: every dialect has it.
bool is_tar(std::string_view head) {
  if (head.size() < kHeader) return false;
  head = head.substr(0, kHeader);
  if (head.find_first_not_of('\0') == std::string_view::npos) return true;  // the end mark
  if (head.substr(257, 5) == "ustar") return true;
  std::uint64_t sum = 8 * std::uint64_t{' '};
  for (std::size_t i = 0; i < kHeader; ++i) {
    if (i < kChecksum || i >= kChecksum + 8) sum += static_cast<unsigned char>(head[i]);
  }
  std::uint64_t said = 0;
  for (const char c : trim(head.substr(kChecksum, 7))) {
    if (c == '\0') break;
    if (c < '0' || c > '7') return false;
    said = said * 8 + static_cast<std::uint64_t>(c - '0');
  }
  return said == sum;
}

/// A skippable frame of zstd may come first, as pzstd writes it.
bool is_skippable_frame(std::string_view head) {
  return head.size() >= 4 && head.substr(1, 3) == "\x2a\x4d\x18"sv &&
         (static_cast<unsigned char>(head[0]) & 0xf0U) == 0x50;
}

std::string_view looks_like(std::string_view head) {
  if (head.empty()) return "nothing: it is empty";
  for (const auto& [magic, what] : kOthers) {
    if (head.starts_with(magic)) return what;
  }
  const std::string_view text = trim(head);
  if (text.starts_with('<')) return "a web page";
  if (text.starts_with('{')) return "JSON";
  const bool is_text = std::ranges::none_of(
      head, [](char c) { return static_cast<unsigned char>(c) < ' ' && std::isspace(c) == 0; });
  return is_text ? "a text" : "something else";
}

}  // namespace

std::string_view text_of(ArchiveType type) {
  return std::ranges::find(kNames, type, &std::pair<ArchiveType, std::string_view>::first)->second;
}

Result<ArchiveType> parse_archive_type(std::string_view text) {
  for (const auto& [type, name] : kNames) {
    if (text == name) return type;
  }
  return Error(Errc::invalid, "unknown archive type \"" + shorten(text, 60) + "\"",
               "expected one of: " + std::string(kArchiveTypes));
}

Result<ArchiveType> archive_type_of(std::string_view head) {
  for (const auto& [magic, type] : kMagics) {
    if (head.starts_with(magic)) return type;
  }
  if (is_skippable_frame(head)) return ArchiveType::tar_zst;
  if (is_tar(head)) return ArchiveType::tar;
  return Error(
      Errc::corrupt,
      "this is no archive that can be read: it looks like " + std::string(looks_like(head)),
      "give one of these: " + std::string(kArchiveTypes));
}

bool is_called(ArchiveType type, ArchiveType name) {
  return type == name || (name == ArchiveType::tar && type != ArchiveType::zip);
}

}  // namespace cooper::source
