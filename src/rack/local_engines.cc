// LocalRack::list_engines.

#include "build/settings.h"
#include "rack/local_rack.h"

namespace cooper::rack {

std::vector<engine::EngineReport> LocalRack::list_engines(const AppName* app) {
  if (app) require_app(*app);
  std::vector<std::string> warnings;  // of properties that `builds settings` shows
  engine::EngineWish wish = build::read_settings(store_, app, warnings).engine;
  if (app) wish.app = app->str();
  return engine::survey_engines(wish, layout_.cache());
}

}  // namespace cooper::rack
