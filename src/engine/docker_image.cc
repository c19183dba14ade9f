#include "engine/docker_image.h"

#include "engine/docker_api.h"

#include <boost/json.hpp>

#include <algorithm>

namespace cooper::engine {
namespace json = boost::json;

namespace {

/// The texts of an array; "<none>:<none>" and "<none>@<none>" stand for none.
std::vector<std::string> texts_at(const json::object& fields, std::string_view key) {
  std::vector<std::string> texts;
  const json::value* value = fields.if_contains(key);
  if (!value || !value->is_array()) return texts;
  for (const json::value& text : value->get_array()) {
    if (text.is_string() && !text.get_string().starts_with("<none>")) {
      texts.emplace_back(text.get_string());
    }
  }
  return texts;
}

}  // namespace

KeptImage kept_image(const json::object& fields) {
  KeptImage image;
  if (const json::value* id = fields.if_contains("Id"); id && id->is_string()) {
    image.id = std::string(id->get_string());
  }
  image.names = texts_at(fields, "RepoTags");
  const std::vector<std::string> tags = image.names;
  for (std::string& digest : texts_at(fields, "RepoDigests")) {
    const std::string repository = split_reference(digest).repository;
    const bool is_tagged = std::ranges::any_of(tags, [&](const std::string& tag) {
      return split_reference(tag).repository == repository;
    });
    // Beside a tag it is the engine's note of where it pulled or pushed that.
    if (!is_tagged) image.names.push_back(std::move(digest));
  }
  if (const json::value* labels = fields.if_contains("Labels"); labels && labels->is_object()) {
    for (const auto& [key, value] : labels->get_object()) {
      if (key.starts_with(kLabelPrefix) && value.is_string()) {
        image.labels.emplace(key, value.get_string());
      }
    }
  }
  return image;
}

}  // namespace cooper::engine
