#pragma once
// An Error on its way from one process of ours to another.

#include "base/error.h"

#include <optional>
#include <string>
#include <string_view>

namespace cooper {

/// Code, message and hint on one line, with its newline.
std::string to_line(const Error& error);

/// The Error of such a line; nullopt if it is none.
std::optional<Error> parse_error_line(std::string_view text);

}  // namespace cooper
