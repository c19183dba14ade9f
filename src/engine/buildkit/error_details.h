#pragma once
// Why a solve failed, in words for the record. Pure.

#include <optional>
#include <string>
#include <string_view>

namespace cooper::engine::buildkit {

/// What the structured part of an error tells.
struct ErrorDetails {
  std::string file;              ///< "Dockerfile"; empty: not told
  int line = 0;                  ///< where the instruction begins, from 1; 0: not told
  std::optional<int> exit_code;  ///< of the process that failed
  bool operator==(const ErrorDetails&) const = default;
};

/// Reads a serialized google.rpc.Status (grpc-status-details-bin), whose parts hold
/// JSON. What is not understood counts as not told: old daemons tell nothing.
ErrorDetails read_error_details(std::string_view status);

/// The exit code in "...: exit code: 3"; nullopt if there is none.
std::optional<int> exit_code_in(std::string_view message);

/// A message without the names of the parts of BuildKit that it came through, in one
/// printable line.
std::string plain_message(std::string_view message);

/// "dockerfile parse error line 3: ..." names a line; 0 if it does not.
int line_in(std::string_view message);

}  // namespace cooper::engine::buildkit
