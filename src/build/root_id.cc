#include "build/root_id.h"

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "base/text.h"

#include <algorithm>

namespace cooper::build {

namespace {

constexpr std::size_t kLength = 20;

std::filesystem::path file_of(const store::Layout& layout) { return layout.cache() / "root-id"; }

bool is_root_id(std::string_view text) {
  return text.size() == kLength && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
         });
}

}  // namespace

std::string find_root_id(const store::Layout& layout) {
  const std::string text = read_file(file_of(layout), 1024).value_or("");
  const std::string_view id = trim(text);
  return is_root_id(id) ? std::string(id) : "";
}

std::string make_root_id(const store::Layout& layout) {
  if (std::string id = find_root_id(layout); !id.empty()) return id;
  make_folders(layout.cache());
  const bool is_damaged = std::filesystem::exists(file_of(layout));
  std::string id = random_base36(kLength);
  try {
    write_file_durably(file_of(layout), id + "\n", 0644,
                       is_damaged ? IfExists::replace : IfExists::fail);
    return id;
  } catch (const Error& error) {  // adapter: another build was quicker: its id counts
    if (error.code() != Errc::conflict) throw;
  }
  return find_root_id(layout);
}

}  // namespace cooper::build
