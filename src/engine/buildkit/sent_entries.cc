#include "engine/buildkit/sent_entries.h"

#include "base/error.h"

#include <algorithm>

namespace cooper::engine::buildkit {

std::uint32_t SentEntries::add(std::string_view path, Kind kind, std::int64_t size,
                               std::int64_t mod_time) {
  const auto depth = static_cast<std::size_t>(std::ranges::count(path, '/'));
  const std::string_view name = path.substr(path.rfind('/') + 1);
  if (entries_.size() >= kRoot || names_.size() + name.size() >= UINT32_MAX) {
    throw Error(Errc::invalid, "the source has too many files for one transfer");
  }
  folders_.resize(depth);  // it never grows: the folder came before
  const std::uint32_t id = count();
  entries_.push_back({.size = size,
                      .mod_time = mod_time,
                      .folder = folders_.empty() ? kRoot : folders_.back(),
                      .name = static_cast<std::uint32_t>(names_.size())});
  askable_.push_back(kind == Kind::file);
  names_.append(name).push_back('\0');
  if (kind == Kind::folder) folders_.push_back(id);
  return id;
}

std::string SentEntries::path(std::uint32_t id) const {
  std::vector<std::string_view> parts;
  for (; id != kRoot; id = entries_[id].folder) {
    parts.emplace_back(names_.c_str() + entries_[id].name);
  }
  std::string path;
  for (std::size_t i = parts.size(); i-- > 0;) {
    path += parts[i];
    if (i > 0) path += '/';
  }
  return path;
}

bool SentEntries::take(std::uint32_t id) {
  if (id >= askable_.size() || !askable_[id]) return false;
  askable_[id] = false;
  return true;
}

}  // namespace cooper::engine::buildkit
