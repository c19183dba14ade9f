#pragma once
// What a folder that is to be built holds, and what is known of it: the same wherever it is packed.

#include "build/request.h"
#include "rack/requests.h"
#include "source/pack.h"

#include <map>
#include <string>

namespace cooper::rack {

/// The wrong folder is noticed before anything is packed or kept. Throws Error. What is wrong
/// inside a manifest, the build itself reports.
void require_something_to_build(const StartBuild& start);

/// A user's links may lead where he likes. What others made must not have us read this host's
/// files, nor quote them. Throws Error{invalid}.
void require_own_files(const StartBuild& start);

/// What is packed of the folder. `environment`: what the manifest may refer to, beside the build
/// arguments. Throws Error for ignore rules with a mistake.
source::PackOptions pack_options(const StartBuild& start,
                                 std::map<std::string, std::string> environment);

/// The request with what the work tree's git facts add.
build::BuildRequest completed_request(const StartBuild& start);

}  // namespace cooper::rack
