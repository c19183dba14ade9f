#include "bundle/import_plan.h"

#include "model/json.h"

#include <boost/json.hpp>

namespace cooper::bundle {
namespace json = boost::json;

ImportFiles::ImportFiles(const std::filesystem::path& work)
    : folder(work / "import"),
      plan(folder / "plan.json"),
      images(folder / "images.tar"),
      log(folder / "log"),
      steps(folder / "steps.jsonl"),
      statement(folder / "statement") {}

std::string to_json(const ImportPlan& plan) {
  json::array services;
  for (const ImportedService& service : plan.services) {
    services.push_back(json::object{{"name", service.name.str()}, {"image", service.image}});
  }
  return pretty(json::object{{"from", plan.from},
                             {"description", plan.description},
                             {"git_sha", plan.git_sha},
                             {"manifest", plan.manifest},
                             {"services", std::move(services)}});
}

Result<ImportPlan> parse_import_plan(std::string_view text) {
  try {
    const json::value value = json::parse(text);
    const auto text_of = [&](std::string_view key) {
      return std::string(value.at(key).as_string());
    };
    ImportPlan plan{.from = text_of("from"),
                    .description = text_of("description"),
                    .git_sha = text_of("git_sha"),
                    .manifest = text_of("manifest")};
    for (const json::value& service : value.at("services").as_array()) {
      plan.services.push_back({.name = ServiceName::parse(service.at("name").as_string()).value(),
                               .image = service.at("image").to_number<std::size_t>()});
    }
    return plan;
  } catch (const std::exception&) {  // adapter: Boost.JSON
    return Error(Errc::corrupt, "the plan of the import is damaged");
  }
}

}  // namespace cooper::bundle
