#pragma once
// zstd, undone as it passes by: what bundles of the form `oci` are compressed with.

#include <stop_token>
#include <string_view>

namespace cooper::bundle {

/// Unpacks one or more zstd frames to `out`: `first`, which is not empty, and what follows it in
/// `in`, which is read to its end. Throws as gunzip() does.
void unzstd(std::string_view first, int in, int out, std::stop_token stop = {});

}  // namespace cooper::bundle
