#pragma once
// From an instruction that failed to its place in the Dockerfile. Pure.

#include <string>
#include <string_view>

namespace cooper::engine {

/// The text with each run of blanks as one, and none at its ends.
std::string one_space(std::string_view text);

/// The line, from 1, on which `instruction` ("RUN make all", as a vertex is named)
/// begins in a Dockerfile's text; 0 if it is not there, or more than once.
int line_of(std::string_view dockerfile, std::string_view instruction);

/// The line and its neighbours, each with its number, the line itself marked: what
/// the log shows of the cause. Empty if there is no such line.
std::string excerpt(std::string_view dockerfile, int line);

}  // namespace cooper::engine
