#include "build/root_id.h"

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "base/text.h"

#include <algorithm>
#include <sys/stat.h>

namespace cooper::build {

namespace {

constexpr std::size_t kLength = 20;

std::filesystem::path file_of(const store::Layout& layout) { return layout.cache() / "root-id"; }

bool is_root_id(std::string_view text) {
  return text.size() == kLength && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
         });
}

/// What a copy of the root does not share: a copy must not take the original's images for
/// its own.
std::string place_of(const store::Layout& layout) {
  struct stat info {};
  if (::stat(layout.root().c_str(), &info) != 0) throw_errno("stat " + layout.root().string());
  return std::to_string(info.st_ino);
}

}  // namespace

std::string find_root_id(const store::Layout& layout) {
  const std::string text = read_file(file_of(layout), 1024).value_or("");
  const auto words = split(trim(text), ' ');
  if (words.size() != 2 || !is_root_id(words[0]) || words[1] != place_of(layout)) return "";
  return std::string(words[0]);
}

std::string make_root_id(const store::Layout& layout) {
  if (std::string id = find_root_id(layout); !id.empty()) return id;
  make_folders(layout.cache());
  const bool is_of_no_use = std::filesystem::exists(file_of(layout));
  std::string id = random_base36(kLength);
  try {
    write_file_durably(file_of(layout), id + " " + place_of(layout) + "\n", 0644,
                       is_of_no_use ? IfExists::replace : IfExists::fail);
    return id;
  } catch (const Error& error) {  // adapter: another build was quicker: its id counts
    if (error.code() != Errc::conflict) throw;
  }
  return find_root_id(layout);
}

}  // namespace cooper::build
