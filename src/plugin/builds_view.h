#pragma once
// Builds as Dokku shows them: as JSON, in tables, in full.

#include "plugin/face.h"
#include "rack/rack.h"

#include <span>
#include <string>
#include <vector>

namespace cooper::plugin {

/// The object of a build, without a newline: its record's fields, then
/// `display_status`, `duration` and `log_path`. None of ours.
std::string build_json(const Face& face, const rack::BuildView& view);

/// The array of builds, with its newline.
std::string builds_json(const Face& face, std::span<const rack::BuildView> builds);

/// Cells of one build; with `app` as the first for the list of all apps.
std::vector<std::string> row_of_all(const rack::BuildView& view);
std::vector<std::string> row_of_app(const Face& face, const rack::BuildView& view);

/// "Build ID:   b1" and so on, a line each, indented.
std::string info_text(const Face& face, const rack::BuildView& view);

}  // namespace cooper::plugin
