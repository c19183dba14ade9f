#pragma once
// Packing a folder of which an earlier archive holds most already.

#include "source/pack.h"
#include "source/tree_list.h"

#include <optional>
#include <stop_token>

namespace cooper::source {

/// Writes to the file `out`, from its current position on, the very bytes that pack() would,
/// but takes over from `earlier` the segments whose entries are all the same, and reads only
/// the files of the others.
///
/// `list` is what the folder holds, from quick_tree_digest() with the same options: its digests
/// decide what is the same. What is read must be what it says. `earlier` is an open archive
/// that is as it was when it was packed: its bytes are copied as they are.
///
/// nullopt if `earlier` has no table or was made by other versions or settings, nothing of it
/// fits, or the folder is no more what the list says: then `out` is as it was. Throws what
/// pack() throws.
std::optional<PackResult> repack(const PackOptions& options, const TreeList& list, int earlier,
                                 int out, std::stop_token stop = {});

}  // namespace cooper::source
