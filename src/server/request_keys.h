#pragma once
// Idempotency keys: a request that a client repeats, since it did not hear the answer, is done
// once.

#include "base/fd.h"
#include "base/time.h"
#include "server/request.h"
#include "store/layout.h"

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string_view>

namespace cooper::server {

/// A file for each key beneath the data root (docs/formats.md), for a day. It is written before
/// anything is done, so that a server that is killed does nothing twice. Threads and servers may
/// use the same keys at once.
class RequestKeys {
 public:
  explicit RequestKeys(store::Layout layout) : layout_(std::move(layout)) {}

  /// What `work` answers, and the next time the same without it, with `Idempotency-Replayed: true`.
  /// What was refused, or has failed, is forgotten: it may be tried again. A 422 if the key came
  /// with another request, a 409 with `Retry-After` while that request is under way;
  /// Error{conflict} if it was cut off and nobody knows how far it came; Error{invalid} for what is
  /// no key. A key belongs to the request's principal.
  Answer answer(const Request& request, std::string_view key, const std::function<Answer()>& work);
  /// That 409, if it is known before the request's body has come.
  std::optional<Answer> refuse_under_way(const Request& request, std::string_view key) const;

 private:
  void prune(const Fd& folder);

  const store::Layout layout_;
  std::mutex mutex_;  // guards what follows
  Time pruned_at_{};
};

}  // namespace cooper::server
