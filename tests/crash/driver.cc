// One change to a data root, step by step, for tests that kill it on the way:
//   crash_driver ROOT OPERATION
// Says "begin" before the change and "done" once it has been reported as durable.

#include "base/error.h"
#include "base/fd.h"
#include "build/prune.h"
#include "store/file_store.h"

#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <unistd.h>

namespace {

using namespace cooper;

const AppName kApp = AppName::parse("hello").value();
const BuildId kNew = BuildId::parse("b2").value();
const BuildId kOld = BuildId::parse("b1").value();
const PropertyKey kKey = PropertyKey::parse("timeout").value();

Build build(const BuildId& id) {
  return {.id = id,
          .app = kApp,
          .pid = ::getpid(),
          .started_at = {now() - std::chrono::hours{1}},
          .description = std::string(5000, 'd')};
}

const std::map<std::string, std::function<void(store::FileStore&)>> kOperations = {
    {"create-app", [](auto& store) { store.create_app(AppName::parse("other").value()); }},
    {"insert", [](auto& store) { store.insert_build(build(kNew)); }},
    {"finalize",
     [](auto& store) {
       store.finalize_build(kApp, kOld, {.status = Status::succeeded, .exit_code = 0}, now());
     }},
    {"pin",
     [](auto& store) { store.change_build(kApp, kOld, [](Build& it) { it.pinned = true; }); }},
    {"set-property", [](auto& store) { store.set_property(&kApp, kKey, "2h"); }},
    {"unset-property", [](auto& store) { store.set_property(&kApp, kKey, std::nullopt); }},
    {"insert-release",
     [](auto& store) {
       store.insert_release({.id = ReleaseId::parse("r2").value(),
                             .app = kApp,
                             .build = "b1",
                             .created_at = {now()}});
     }},
    {"remove", [](auto& store) { store.remove_build(kApp, kOld); }},
    {"prune", [](auto& store) { build::prune(store, kApp, {.retention = {.count = 1}}); }}};

}  // namespace

int main(int argc, char** argv) {
  const std::span<char*> words(argv, static_cast<std::size_t>(argc));
  const auto operation = words.size() == 3 ? kOperations.find(words[2]) : kOperations.end();
  if (operation == kOperations.end()) {
    std::fprintf(stderr, "usage: crash_driver ROOT OPERATION\n");
    return 2;
  }
  try {
    store::FileStore store{store::Layout(words[1])};
    write_all(STDOUT_FILENO, "begin\n");
    operation->second(store);
    write_all(STDOUT_FILENO, "done\n");
  } catch (const Error& error) {  // boundary: the test reads it
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
