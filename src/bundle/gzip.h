#pragma once
// gzip, by ISA-L: what Convox's bundles are compressed with.

#include "source/block_writer.h"

#include <stop_token>
#include <string_view>

namespace cooper::bundle {

/// A block becomes a gzip member, whose header tells the member's size (an extra field "CP").
source::MakeCompressor gzip_compressor();

/// Unpacks one or more gzip members to `out`: `first`, which is not empty, and what follows it in
/// `in`, which is read to its end. Throws
/// Error{corrupt} for what is no gzip, is damaged, cut, or followed by anything else;
/// Error{canceled} on a stop request; Error if it can't read or write.
void gunzip(std::string_view first, int in, int out, std::stop_token stop = {});

}  // namespace cooper::bundle
