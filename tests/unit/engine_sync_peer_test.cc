// File sync with daemons that misbehave, or are gone.

#include "engine/buildkit/file_sync.h"
#include "unit/engine_sync_support.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <thread>

namespace cooper::engine::buildkit {
namespace {

/// Plays `daemon` against a sender of a folder with one folder, one file and one link.
Error failure_with(const std::function<void(Call&)>& daemon) {
  const TempFolder folder;
  write_text(folder / "d/file", "x");
  std::filesystem::create_symlink("d", folder / "l");
  Call call(1);
  std::thread peer([&] { daemon(call); });
  Error failure;
  try {
    send_tree(call, {.root = folder.path()});
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {  // boundary: of the test's thread
    failure = error;
  }
  call.end();
  peer.join();
  return failure;
}

/// Reads until the sender fails or, at last, waits for requests.
void read_list(Call& call) {
  Packet packet;
  while (call.to_daemon.read(packet) && packet.has_stat) {
  }
}

void expect_err(Call& call) {
  Packet packet;
  while (call.to_daemon.read(packet) && packet.type != Packet::Type::err) {
  }
  EXPECT_EQ(packet.type, Packet::Type::err);
  call.end();
}

TEST(FileSync, RefusesRequestsForWhatIsNoFile) {
  for (const std::uint32_t id : {0U, 2U, 3U, UINT32_MAX}) {
    EXPECT_EQ(failure_with([&](Call& call) {
                read_list(call);
                call.to_client.write({.type = Packet::Type::req, .id = id});
                expect_err(call);
              }).code(),
              Errc::engine)
        << id;
  }
}

TEST(FileSync, RefusesASecondRequestForAFile) {
  EXPECT_EQ(failure_with([&](Call& call) {
              read_list(call);
              call.to_client.write({.type = Packet::Type::req, .id = 1});
              call.to_client.write({.type = Packet::Type::req, .id = 1});
              expect_err(call);
            }).code(),
            Errc::engine);
}

TEST(FileSync, RefusesMoreRequestsThanEntries) {
  EXPECT_EQ(failure_with([&](Call& call) {
              while (call.to_client.write({.type = Packet::Type::req, .id = 0})) {
                Packet packet;
                if (!call.to_daemon.read(packet) || packet.type == Packet::Type::err) break;
              }
              call.end();
            }).code(),
            Errc::engine);
}

TEST(FileSync, RefusesPacketsThatOnlyASenderSends) {
  for (const Packet::Type type : {Packet::Type::stat, Packet::Type::data}) {
    EXPECT_EQ(failure_with([&](Call& call) {
                call.to_client.write({.type = type});
                expect_err(call);
              }).code(),
              Errc::engine);
  }
}

TEST(FileSync, SaysWhatTheDaemonSays) {
  const Error failure = failure_with([&](Call& call) {
    read_list(call);
    call.to_client.write({.type = Packet::Type::err, .data = "no space\x1b[31m left"});
    expect_err(call);
  });
  EXPECT_EQ(failure.code(), Errc::engine);
  EXPECT_EQ(failure.message(), "the daemon could not take the source: no space?[31m left");
}

TEST(FileSync, SaysThatTheConnectionEnded) {
  EXPECT_EQ(failure_with([&](Call& call) { call.end(); }).code(), Errc::unavailable);
  EXPECT_EQ(failure_with([&](Call& call) {
              read_list(call);
              call.end();
            }).code(),
            Errc::unavailable);
}

TEST(FileSync, StopsThoughTheDaemonReadsNothing) {
  const TempFolder folder;
  for (int i = 0; i < 10; ++i) write_text(folder / std::to_string(i), "x");
  Call call(1);
  std::stop_source stop;
  std::thread stopper([&] {
    Packet packet;
    call.to_daemon.read(packet);  // it is at work, and will wait for us
    stop.request_stop();
  });
  EXPECT_EQ(code_of([&] { send_tree(call, {.root = folder.path()}, stop.get_token()); }),
            Errc::canceled);
  stopper.join();
}

TEST(FileSync, StopsThoughTheDaemonAsksNothing) {
  const TempFolder folder;
  Call call(1);
  std::stop_source stop;
  std::thread stopper([&] {
    read_list(call);
    stop.request_stop();
  });
  EXPECT_EQ(code_of([&] { send_tree(call, {.root = folder.path()}, stop.get_token()); }),
            Errc::canceled);
  stopper.join();
}

}  // namespace
}  // namespace cooper::engine::buildkit
