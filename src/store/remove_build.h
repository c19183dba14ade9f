#pragma once
// What a record says of a build whose parts are going.

#include "model/build.h"

namespace cooper::store {

/// FileStore::begin_removal was called, and has not been taken back.
bool is_being_removed(const Build& build);

}  // namespace cooper::store
