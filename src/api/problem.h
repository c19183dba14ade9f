#pragma once
// Problem details (RFC 9457): every error of /v1.

#include "base/error.h"

#include <boost/json/fwd.hpp>

#include <string>
#include <string_view>

namespace cooper::api {

inline constexpr std::string_view kProblemMediaType = "application/problem+json";

struct Problem {
  unsigned status = 500;
  std::string kind;    ///< "not-found": the end of its `type`, "urn:cooper:problem:not-found"
  std::string detail;  ///< what is wrong, in one line
  std::string hint;    ///< what to do about it; may be empty
  bool operator==(const Problem&) const = default;
};

/// What a program may branch on: the code's word.
std::string_view kind_of(Errc code) noexcept;
/// Of an answer that no Error has led to: "method-not-allowed".
std::string_view kind_of_status(unsigned status) noexcept;
/// One line that is the same for all problems of that kind.
std::string_view title_of(std::string_view kind) noexcept;

/// `type`, `title`, `status`, `detail` and `hint`.
boost::json::object to_object(const Problem& problem);
/// Error{corrupt} for what is no problem of ours.
[[nodiscard]] Result<Problem> parse_problem(std::string_view text);

/// What a client throws for it.
Error to_error(const Problem& problem);

}  // namespace cooper::api
