#pragma once
// Reaching a BuildKit, wherever it is.

#include "engine/choose.h"

#include <memory>

namespace grpc {
class Channel;
}

namespace cooper::engine::buildkit {

/// A channel to the BuildKit of a choice (docker or buildkit): the socket of a
/// Docker Engine, taken over from its HTTP API or, on engines that speak gRPC there
/// themselves, directly; a daemon's unix socket; TCP with mutual TLS. A
/// connection of its own: it ends with the channel and is not made again.
/// Throws Error{unavailable} if nothing answers, Error{engine} if what answers
/// has no BuildKit, Error{invalid} if a certificate is missing.
std::shared_ptr<grpc::Channel> connect(const EngineChoice& choice);

}  // namespace cooper::engine::buildkit
