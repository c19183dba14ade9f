#pragma once
// Tells a collector of traces how a build went: properties otlp-endpoint and otlp-headers.

#include "model/names.h"
#include "store/file_store.h"

#include <string_view>

namespace cooper::build {

/// What the properties take: an http or https URL; lines of `Name: value`.
bool is_otlp_endpoint(std::string_view text);
bool is_otlp_headers(std::string_view text);

/// Sends the trace of a build whose record is terminal, if the app has an endpoint: at most three
/// times, within half a minute, as long as it can't be reached or is too busy. $TRACEPARENT tells
/// what the build is a part of. Never throws: the build has ended, whatever becomes of its trace.
void send_trace(const store::FileStore& store, const AppName& app, const BuildId& id) noexcept;

}  // namespace cooper::build
