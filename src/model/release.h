#pragma once
// Releases and apps: pure facts.

#include "base/time.h"
#include "model/environment.h"
#include "model/names.h"

#include <map>
#include <string>

namespace cooper {

/// An app's build plus its environment at one moment. Immutable once made.
struct Release {
  ReleaseId id;
  AppName app;
  std::string build;  ///< id of the build whose images it runs; empty: there was none yet
  std::string description;
  std::string manifest;  ///< text of the manifest it was built from
  Timestamp created_at;
  Environment environment;
  std::map<std::string, std::string> images;  ///< service -> reference@digest
  bool operator==(const Release&) const = default;
};

struct App {
  AppName name;
  Timestamp created_at;
  std::string release;   ///< the active one's id; empty before the first promote
  std::string previous;  ///< that was active before; empty: none was
  std::string deploy;    ///< id of the deploy that made the release the active one
  bool operator==(const App&) const = default;
};

}  // namespace cooper
