#include "plugin/builds_view.h"

#include "base/text.h"
#include "plugin/text.h"

#include <algorithm>
#include <utility>

namespace cooper::plugin {

namespace {

std::string log_path(const Face& face, const Build& build) {
  return face.store.layout().build(build.app, build.id).log.string();
}

std::string duration(const Face& face, const Build& build) {
  return to_text(elapsed(build, face.clock()));
}

std::string shown(const Timestamp& time) { return to_rfc3339(time, Fraction::dropped); }

}  // namespace

std::string build_json(const Face& face, const rack::BuildView& view) {
  const Build& build = view.build;
  std::string json = "{";
  const auto add = [&json](std::string_view key, const std::string& value) {
    if (json.size() > 1) json += ',';
    ((json += '"') += key) += "\":";
    json += value;
  };
  add("id", go_json(build.id.str()));
  add("app", go_json(build.app.str()));
  add("kind", go_json(to_string(build.kind)));
  add("pid", std::to_string(build.pid));
  add("started_at", go_json(to_rfc3339(build.started_at)));
  if (build.finished_at) add("finished_at", go_json(to_rfc3339(*build.finished_at)));
  add("status", go_json(to_string(build.status)));
  add("source", go_json(build.source));
  if (build.exit_code) add("exit_code", std::to_string(*build.exit_code));
  add("display_status", go_json(to_string(view.status)));
  add("duration", go_json(duration(face, build)));
  add("log_path", go_json(log_path(face, build)));
  return json + "}";
}

std::string builds_json(const Face& face, std::span<const rack::BuildView> builds) {
  std::string json = "[";
  for (const rack::BuildView& view : builds) {
    if (json.size() > 1) json += ',';
    json += build_json(face, view);
  }
  return json + "]\n";
}

std::vector<std::string> row_of_all(const rack::BuildView& view) {
  const Build& build = view.build;
  return {build.app.str(),           build.id.str(), std::string(to_string(build.kind)),
          std::to_string(build.pid), build.source,   shown(build.started_at)};
}

std::vector<std::string> row_of_app(const Face& face, const rack::BuildView& view) {
  const Build& build = view.build;
  return {build.id.str(),
          std::string(to_string(build.kind)),
          std::string(to_string(view.status)),
          std::to_string(build.pid),
          build.source,
          shown(build.started_at),
          duration(face, build)};
}

std::string info_text(const Face& face, const rack::BuildView& view) {
  const Build& build = view.build;
  std::vector<std::pair<std::string, std::string>> lines = {
      {"Build ID:", build.id.str()},
      {"App:", build.app.str()},
      {"Kind:", std::string(to_string(build.kind))},
      {"Status:", std::string(to_string(view.status))},
      {"PID:", std::to_string(build.pid)},
      {"Source:", build.source},
      {"Started:", shown(build.started_at)}};
  if (build.finished_at) lines.emplace_back("Finished:", shown(*build.finished_at));
  lines.emplace_back("Duration:", duration(face, build));
  if (build.exit_code) lines.emplace_back("Exit Code:", std::to_string(*build.exit_code));
  lines.emplace_back("Log:", log_path(face, build));
  std::size_t width = 0;
  for (const auto& line : lines) width = std::max(width, line.first.size());
  std::string text;
  for (const auto& [label, value] : lines) {
    text +=
        "       " + label + std::string(width - label.size() + 2, ' ') + printable(value) + "\n";
  }
  return text;
}

}  // namespace cooper::plugin
