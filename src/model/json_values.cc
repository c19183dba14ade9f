#include "model/json_values.h"

#include <algorithm>
#include <cmath>

namespace cooper {
namespace json = boost::json;

namespace {

/// Does every number fit in a double? Infinity can't be written again.
bool is_finite(const json::value& value) {
  if (const double* number = value.if_double()) return std::isfinite(*number);
  if (const json::array* array = value.if_array()) {
    return std::ranges::all_of(*array, is_finite);
  }
  if (const json::object* object = value.if_object()) {
    return std::ranges::all_of(*object,
                               [](const auto& member) { return is_finite(member.value()); });
  }
  return true;
}

}  // namespace

Result<json::object> parse_json_object(std::string_view text) {
  json::parse_options options;
  options.max_depth = 32;
  boost::system::error_code failure;
  json::value value = json::parse(text, failure, {}, options);
  if (failure) return Error(Errc::corrupt, "is not JSON: " + failure.message());
  if (!value.is_object()) return Error(Errc::corrupt, "is not a JSON object");
  if (!is_finite(value)) return Error(Errc::corrupt, "holds a number that is too large");
  return std::move(value.get_object());
}

std::string text_in(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::string JsonReader::required_text(std::string_view key) {
  const json::value* value = object_.if_contains(key);
  if (!value || !value->is_string()) fail(key, "is missing or no string");
  return text(key);
}

std::optional<Timestamp> JsonReader::time(std::string_view key) {
  const json::value* value = object_.if_contains(key);
  if (!value || value->is_null()) return std::nullopt;
  const auto time = value->is_string() ? parse_rfc3339(value->get_string()) : std::nullopt;
  if (!time) fail(key, "is no RFC 3339 time");
  return time;
}

Timestamp JsonReader::required_time(std::string_view key) {
  const auto found = time(key);
  if (!found) fail(key, "is missing");
  return found.value_or(Timestamp{});
}

bool JsonReader::flag(std::string_view key) const {
  const json::value* value = object_.if_contains(key);
  return value && value->is_bool() && value->get_bool();
}

std::map<std::string, std::string> JsonReader::texts(std::string_view key) {
  std::map<std::string, std::string> found;
  const json::value* value = object_.if_contains(key);
  if (!value) return found;
  const json::object* members = value->if_object();
  if (!members) {
    fail(key, "is no object");
    return found;
  }
  for (const auto& member : *members) {
    if (member.value().is_string()) {
      found.emplace(member.key(), std::string(member.value().get_string()));
    } else {
      fail(key, "has a value that is no string");
    }
  }
  return found;
}

std::vector<std::string> JsonReader::list_of_texts(std::string_view key) {
  std::vector<std::string> found;
  const json::value* value = object_.if_contains(key);
  if (!value) return found;
  const json::array* elements = value->if_array();
  if (!elements) {
    fail(key, "is no array");
    return found;
  }
  for (const json::value& element : *elements) {
    if (element.is_string()) {
      found.emplace_back(element.get_string());
    } else {
      fail(key, "has an element that is no string");
    }
  }
  return found;
}

void JsonReader::fail(std::string_view key, std::string_view problem) {
  if (problem_.empty()) problem_ = "field \"" + std::string(key) + "\" " + std::string(problem);
}

}  // namespace cooper
