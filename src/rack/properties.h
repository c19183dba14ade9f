#pragma once
// What a property comes to.

#include "rack/rack.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace cooper::rack {

/// What applies to the app (null: to all), default and global value considered. Empty: nothing.
inline std::string effective_property(Rack& rack, const AppName* app, std::string_view key) {
  const auto properties = rack.list_properties(app);
  const auto found = std::ranges::find(properties, key, &PropertyView::key);
  return found == properties.end() ? "" : found->effect;
}

}  // namespace cooper::rack
