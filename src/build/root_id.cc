#include "build/root_id.h"

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "store/folders.h"
#include "store/images_lock.h"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>

namespace cooper::build {

namespace {

constexpr std::size_t kLength = 20;

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

/// Empty if there is none.
std::string stored_text(const store::Layout& layout) {
  const std::filesystem::path& file = layout.root_id();
  try {
    const Fd root = open_file(layout.root(), O_RDONLY | O_DIRECTORY);
    const Fd open =
        open_beneath(root, file.lexically_relative(layout.root()), O_RDONLY | O_NONBLOCK);
    return read_open_file(open, file.string(), 1024);
  } catch (const Error& error) {  // adapter: absent is an answer here
    if (error.code() != Errc::not_found) throw;
    return {};
  }
}

}  // namespace

RootId find_root_id(const store::Layout& layout) {
  const std::string text = stored_text(layout);
  const auto words = split(trim(text), ' ');
  if (words.size() != 3 || !is_root_id(words[0]) || words[1] != place_of(layout)) return {};
  const auto since = parse_rfc3339(words[2]);
  if (!since) return {};
  return {.text = std::string(words[0]), .since = since->at};
}

RootId make_root_id(const store::Layout& layout) {
  if (RootId id = find_root_id(layout); !id.text.empty()) return id;
  const Fd folder = store::make_folder(layout, layout.root_id().parent_path());
  const auto lock = store::lock_images(layout, store::Holding::alone);
  if (RootId id = find_root_id(layout); !id.text.empty()) return id;  // another was quicker
  RootId made{.text = random_base36(kLength), .since = now()};
  write_file_durably(folder, layout.root_id().filename(),
                     made.text + " " + place_of(layout) + " " + to_rfc3339({made.since}) + "\n",
                     0644);
  return made;
}

bool owns(const RootId& root, const std::map<std::string, std::string>& labels, Time began) {
  const auto label = labels.find("cooper.root");
  if (label == labels.end()) return began >= root.since;
  return !root.text.empty() && label->second == root.text;
}

}  // namespace cooper::build
