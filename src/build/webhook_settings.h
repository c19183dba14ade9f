#pragma once
// What the properties of webhooks take.

#include <string_view>

namespace cooper::build {

/// Long enough not to be guessed, and one that can be typed into a form. Empty: there is none.
bool is_webhook_secret(std::string_view text);
/// A repository's URL that everybody may see. Empty: there is none.
bool is_webhook_url(std::string_view text);

}  // namespace cooper::build
