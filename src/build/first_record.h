#pragma once
// A build's record as it begins.

#include "build/request.h"
#include "build/supervisor.h"
#include "log/redact.h"
#include "model/build.h"
#include "model/release.h"
#include "store/file_store.h"

#include <optional>

namespace cooper::build {

/// What was asked for. Throws Error.
BuildRequest read_request(const store::BuildFiles& files);

/// That is to be deployed; nullopt: this is no deploy of one. Throws Error{not_found}.
std::optional<Release> release_to_deploy(const store::FileStore& store, const AppName& app,
                                         const BuildRequest& request);

/// What the request says of a build, without secrets; started now by this process.
Build first_record(const SupervisorTask& task, const BuildRequest& request,
                   const log::Redactor& redactor);

/// The same for one that has to wait: reads the request, and the secrets that it must not show.
Build queued_record(const SupervisorTask& task, const store::FileStore& store);

}  // namespace cooper::build
