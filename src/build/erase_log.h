#pragma once
// Removing a log that shows what nobody should have seen.

#include "base/time.h"
#include "store/file_store.h"

#include <string_view>

namespace cooper::build {

/// Removes what a build printed from everywhere in the data root: its log, which
/// becomes one line that says so, the texts of its steps, and the reason in its
/// record, which notes `who` and `when`. Its description and what it was asked
/// for stay: they are not its output. Steps of more than 64 MiB go as a whole.
///
/// Of a build whose record can't be read log and steps alone; the record that is
/// returned has only the names and the note.
///
/// The record is last, and all of it can be done again: a crash leaves no record
/// that claims too much. Returns the record. Throws Error{conflict} while the
/// build runs, Error{not_found}, Error.
Build erase_log(store::FileStore& store, const AppName& app, const BuildId& id,
                std::string_view who, Time when);

}  // namespace cooper::build
