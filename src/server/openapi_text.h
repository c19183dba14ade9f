#pragma once
// The description of /v1.

#include <string>

namespace cooper::server {

/// docs/openapi.json.
const std::string& openapi_text();

}  // namespace cooper::server
