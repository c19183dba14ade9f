#pragma once
// What a crash left of an app, and nothing owns.

#include "model/retention.h"
#include "store/file_store.h"

#include <set>
#include <string>
#include <vector>

namespace cooper::build {

/// Temporary files, ours and those of Dokku's own plugin; sources and scratch
/// folders without a record; logs and steps without one, and records without a
/// byte, if nothing was written to them for a day: a deploy that Dokku starts has
/// a log before it has a record, and goes on if it never gets one. Nothing that is
/// in use, and nothing that a symbolic link leads to. Builds in `readable` have a
/// good record, which is not looked at again. Changes nothing. Throws Error.
std::vector<Leftover> find_leftovers(const store::FileStore& store, const AppName& app,
                                     const std::set<std::string>& readable);

/// Removes one of them, with all that is in it. Absent is fine. Throws Error.
void remove_leftover(const store::FileStore& store, const Leftover& leftover);

}  // namespace cooper::build
