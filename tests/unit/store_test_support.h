#pragma once
// What the tests of the store share.

#include "store/file_store.h"
#include "unit/test_support.h"

#include <chrono>
#include <string>
#include <string_view>

namespace cooper::store {

inline Time at(std::int64_t seconds) { return Time(std::chrono::seconds{seconds}); }

inline AppName app_name(std::string_view name) { return AppName::parse(name).value(); }
inline BuildId build_id(std::string_view id) { return BuildId::parse(id).value(); }
inline ReleaseId release_id(std::string_view id) { return ReleaseId::parse(id).value(); }
inline PropertyKey key(std::string_view name) { return PropertyKey::parse(name).value(); }

/// A build of app `hello` that runs since `started`.
inline Build running(std::string_view id, std::int64_t started = 1) {
  return {.id = build_id(id), .app = app_name("hello"), .pid = 7, .started_at = {at(started)}};
}

inline Release release(std::string_view id) {
  return {.id = release_id(id), .app = app_name("hello"), .build = "b1", .created_at = {at(1)}};
}

/// A file store in a fresh folder.
class FileStoreTest : public testing::Test {
 protected:
  std::filesystem::path root() const { return folder_ / "root"; }
  BuildFiles files(std::string_view id) const { return layout_.build(hello_, build_id(id)); }

  TempFolder folder_;
  const Layout layout_{root()};
  FileStore store_{layout_};
  const AppName hello_ = app_name("hello");
};

}  // namespace cooper::store
