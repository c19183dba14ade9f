#pragma once
// What a Docker Engine's API says of an image.

#include "engine/engine.h"

#include <boost/json/fwd.hpp>

namespace cooper::engine {

/// Of an element of `/images/json`, or of `/system/df`'s Images. What is not as
/// expected counts as absent.
KeptImage kept_image(const boost::json::object& fields);

}  // namespace cooper::engine
