#pragma once
// What the tests of the source layer share.

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "source/pack.h"
#include "source/unpack.h"
#include "unit/test_support.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cooper::source {

/// A file in memory only.
inline Fd memory_file(std::string_view bytes = {}) {
  Fd fd(::memfd_create("test", MFD_CLOEXEC));
  write_all(fd.get(), bytes);
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

inline std::string all_of(const Fd& fd) {
  ::lseek(fd.get(), 0, SEEK_SET);
  return read_open_file(fd, "archive", std::size_t{1} << 30);
}

inline std::string packed(const PackOptions& options, PackResult* result = nullptr) {
  const Fd out = memory_file();
  const PackResult got = pack(options, out.get());
  if (result) *result = got;
  return all_of(out);
}

inline UnpackResult unpack_bytes(std::string_view archive, const std::filesystem::path& target,
                                 const UnpackLimits& limits = {}) {
  const Fd in = memory_file(archive);
  return unpack(in.get(), target, limits);
}

/// The code of the Error that `call` throws, with its message in `message`.
template <class Call>
Errc code_of(Call call, std::string* message = nullptr) {
  try {
    call();
  } catch (const Error& error) {
    if (message) *message = error.message();
    return error.code();
  }
  ADD_FAILURE() << "nothing was thrown";
  return Errc::internal;
}

/// All beneath a folder: path to `MODE content`, `MODE folder`, or `-> target`.
inline std::map<std::string, std::string> tree_of(const std::filesystem::path& folder) {
  std::map<std::string, std::string> tree;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    struct stat info {};
    ::lstat(entry.path().c_str(), &info);
    std::array<char, 16> mode{};
    std::snprintf(mode.data(), mode.size(), "%04o ", static_cast<unsigned>(info.st_mode & 07777));
    std::string& shown = tree[entry.path().lexically_relative(folder).string()];
    if (S_ISLNK(info.st_mode)) {
      shown = "-> " + std::filesystem::read_symlink(entry.path()).string();
    } else if (S_ISDIR(info.st_mode)) {
      shown = std::string(mode.data()) + "folder";
    } else {
      shown = mode.data() + read_file(entry.path(), std::size_t{1} << 30).value();
    }
  }
  return tree;
}

/// One tar header and content, made by hand so that it can be anything.
struct RawEntry {
  std::string name;
  char type = '0';
  std::string content = {};
  std::string target = {};
  unsigned mode = 0644;
  std::string size_field = {};  ///< instead of content's size, 12 bytes
  bool gnu = false;
};

inline std::string raw_tar_entry(const RawEntry& entry) {
  std::string header(512, '\0');
  const auto put = [&](std::size_t at, std::string_view text) {
    header.replace(at, text.size(), text);
  };
  const auto octal = [](std::uint64_t value, int digits) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%0*llo", digits,
                  static_cast<unsigned long long>(value));
    return std::string(text.data());
  };
  put(0, std::string_view(entry.name).substr(0, 100));
  put(100, octal(entry.mode, 7));
  put(108, octal(0, 7));
  put(116, octal(0, 7));
  put(124, entry.size_field.empty() ? octal(entry.content.size(), 11) : entry.size_field);
  put(136, octal(1, 11));
  header[156] = entry.type;
  put(157, std::string_view(entry.target).substr(0, 100));
  put(257, entry.gnu ? "ustar  " : std::string_view("ustar\00000", 8));
  put(148, "        ");
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put(148, octal(sum, 6) + std::string_view("\0 ", 2).data());
  header[154] = '\0';
  header[155] = ' ';
  std::string bytes = header + entry.content;
  bytes.resize((bytes.size() + 511) / 512 * 512, '\0');
  return bytes;
}

template <class... Entries>
std::string raw_tar(const Entries&... entries) {
  std::string bytes = (raw_tar_entry(entries) + ... + std::string());
  return bytes + std::string(1024, '\0');
}

}  // namespace cooper::source
