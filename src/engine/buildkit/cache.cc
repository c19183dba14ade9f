#include "engine/buildkit/cache.h"

#include "base/error.h"
#include "base/text.h"
#include "engine/buildkit/connection.h"
#include "engine/buildkit/solve.h"

#include <algorithm>
#include <chrono>
#include <control.grpc.pb.h>
#include <grpcpp/grpcpp.h>

namespace cooper::engine::buildkit {

namespace wire = moby::buildkit::v1;

namespace {

constexpr std::chrono::minutes kLookLimit{2};
constexpr std::chrono::minutes kWorkLimit{30};  // of big caches, on a slow disk

std::uint64_t bytes_of(const wire::UsageRecord& record) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(record.size(), 0));
}

void require_ok(const grpc::Status& status, const EngineChoice& choice) {
  if (status.ok()) return;
  throw Error(
      status.error_code() == grpc::StatusCode::UNAVAILABLE ? Errc::unavailable : Errc::engine,
      "the BuildKit daemon at " + choice.address +
          " does not tell of its cache: " + shorten(printable(status.error_message()), 200));
}

}  // namespace

CacheUse cache_use(const EngineChoice& choice) {
  const auto channel = connect(choice);
  CacheUse use{.version =
                   printable(version_of(channel, "the BuildKit daemon at " + choice.address))};
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kLookLimit);
  wire::DiskUsageResponse answer;
  require_ok(wire::Control::NewStub(channel)->DiskUsage(&context, {}, &answer), choice);
  for (const wire::UsageRecord& record : answer.record()) {
    // What images share with the cache is counted there.
    if (!record.shared()) use.bytes += bytes_of(record);
  }
  return use;
}

std::uint64_t cap_cache(const EngineChoice& choice, std::uint64_t limit) {
  const auto channel = connect(choice);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kWorkLimit);
  wire::PruneRequest request;
  request.set_keepbytes(static_cast<std::int64_t>(limit));
  const auto stub = wire::Control::NewStub(channel);
  const auto removed = stub->Prune(&context, request);
  std::uint64_t freed = 0;
  for (wire::UsageRecord record; removed->Read(&record);) freed += bytes_of(record);
  require_ok(removed->Finish(), choice);
  return freed;
}

}  // namespace cooper::engine::buildkit
