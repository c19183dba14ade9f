#pragma once
// The model's JSON: the shapes of docs/formats.md. Reading is strict about what
// cooper needs and keeps what it does not know.

#include "model/build.h"
#include "model/release.h"
#include "model/step.h"

#include <boost/json/fwd.hpp>

#include <string>
#include <string_view>

namespace cooper {

/// Two-space indented, one trailing newline: how record files look.
std::string pretty(const boost::json::value& value);

/// The record file's text. Fields in fixed order, empty ones left out; bytes that
/// are no UTF-8 become U+FFFD.
std::string to_json(const Build& build);
/// `id` and `app` come from the file's name and folder, never from the text.
/// Error{corrupt} names the field that is missing or wrong.
[[nodiscard]] Result<Build> parse_build(std::string_view text, const BuildId& id,
                                        const AppName& app);

std::string to_json(const Release& release);
[[nodiscard]] Result<Release> parse_release(std::string_view text, const ReleaseId& id,
                                            const AppName& app);

std::string to_json(const App& app);
[[nodiscard]] Result<App> parse_app(std::string_view text, const AppName& name);

/// One line with its newline.
std::string to_json_line(const Step& step);
[[nodiscard]] Result<Step> parse_step(std::string_view line);

}  // namespace cooper
