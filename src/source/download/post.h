#pragma once
// What cooper-fetch does for webhooks.

#include "source/http_post.h"

namespace cooper::source::download {

/// See source::post.
unsigned post(const HttpPost& wanted);

}  // namespace cooper::source::download
