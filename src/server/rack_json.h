#pragma once
// Convox's shapes of what we have: the fields that its client reads.

#include "rack/rack.h"
#include "server/request.h"

#include <boost/json/object.hpp>

#include <string>
#include <string_view>

namespace cooper::server {

/// Convox's word for a status: the client takes any other one for an error.
std::string_view convox_status(DisplayStatus status) noexcept;

/// Unset times are Go's zero time.
std::string convox_time(const std::optional<Timestamp>& time);

/// `updating` while a deploy runs.
enum class AppStatus { running, updating };
/// An App of Convox's.
boost::json::object to_convox(const App& app, AppStatus status);
/// A Build of Convox's. `manifest`: its text, if it is known.
boost::json::object to_convox(const rack::BuildView& view, std::string_view manifest);
/// It is full of secrets.
enum class ShowEnvironment { yes, no };
/// A Release of Convox's.
boost::json::object to_convox(const Release& release, ShowEnvironment show);

/// An answer that holds it, indented.
Answer json_answer(const boost::json::value& value, unsigned status = 200);

/// An environment as Convox writes it: NAME=VALUE a line, sorted, without quotes. A value of
/// several lines stands in double quotes, with \n (as go_quoted has it).
std::string environment_text(const Environment& environment);
/// The other way. A line that environment_text has for a variable of `current` is that variable.
/// Error{invalid} names the line, and no value.
[[nodiscard]] Result<Environment> parse_environment_text(std::string_view text,
                                                         const Environment& current);

}  // namespace cooper::server
