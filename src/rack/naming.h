#pragma once
// How builds and releases are named by a person: whole ids, or their beginnings.

#include "base/error.h"
#include "base/text.h"
#include "model/names.h"

#include <string>
#include <string_view>
#include <vector>

namespace cooper::rack {

/// "no build x of app hello", and where to look.
inline Error none_of(const AppName& app, const std::string& what, const std::string& noun) {
  return Error(Errc::not_found, what + " of app " + app.str(),
               "`cooper " + noun + "s -a " + app.str() + "` lists them");
}

/// The id that begins with `text`, if there is but one. An empty text names none,
/// even where there is only one.
template <class Id>
Id the_one_that_fits(const std::vector<Id>& ids, const AppName& app, std::string_view text,
                     const std::string& noun) {
  if (text.empty()) throw none_of(app, "no " + noun + " \"\"", noun);
  const std::string shown = "\"" + shorten(text, 64) + "\"";
  std::vector<Id> matches;
  for (const Id& id : ids) {
    if (id.str().starts_with(text)) matches.push_back(id);
  }
  if (matches.empty()) throw none_of(app, "no " + noun + " " + shown, noun);
  if (matches.size() == 1) return matches[0];
  throw Error(
      Errc::invalid,
      shown + " fits " + std::to_string(matches.size()) + " " + noun + "s of app " + app.str(),
      "give more of the id");
}

}  // namespace cooper::rack
