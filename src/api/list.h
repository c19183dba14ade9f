#pragma once
// Lists, as all of /v1 has them: `items`, then `warnings` (what could not be read, a line each) and
// `next` (where the page after this one begins), which are absent when empty.

#include "model/json_values.h"

#include <string>
#include <utility>
#include <vector>

namespace cooper::api {

template <class T>
struct List {
  std::vector<T> items;
  std::vector<std::string> warnings = {};
  std::string next = {};  ///< a cursor; empty: this is the last page
};

/// An array of what `to_value` makes of each element.
template <class Range, class ToValue>
boost::json::array array_of(const Range& range, const ToValue& to_value) {
  boost::json::array array;
  for (const auto& element : range) array.push_back(to_value(element));
  return array;
}

/// Its elements are what `to_value` makes of them.
template <class T, class ToValue>
boost::json::object to_object(const List<T>& list, const ToValue& to_value) {
  boost::json::object object{{"items", array_of(list.items, to_value)}};
  if (!list.warnings.empty()) {
    object["warnings"] =
        array_of(list.warnings, [](const std::string& line) { return boost::json::value(line); });
  }
  if (!list.next.empty()) object["next"] = list.next;
  return object;
}

/// The elements of an array, each as `parse` reads it. Error{corrupt} of the first that is wrong.
template <class T, class Parse>
[[nodiscard]] Result<std::vector<T>> parse_elements(const boost::json::object& object,
                                                    std::string_view key, const Parse& parse) {
  std::vector<T> elements;
  const boost::json::value* value = object.if_contains(key);
  if (!value) return elements;
  if (!value->is_array()) {
    return Error(Errc::corrupt, "field \"" + std::string(key) + "\" is no array");
  }
  for (const boost::json::value& element : value->get_array()) {
    if (!element.is_object()) {
      return Error(Errc::corrupt,
                   "field \"" + std::string(key) + "\" has an element that is no object");
    }
    Result<T> parsed = parse(element.get_object());
    if (!parsed) return std::move(parsed.error()).while_doing(key);
    elements.push_back(std::move(*parsed));
  }
  return elements;
}

/// The other way. `parse`: Result<T> of a json::object.
template <class T, class Parse>
[[nodiscard]] Result<List<T>> parse_list(std::string_view text, const Parse& parse) {
  const Result<boost::json::object> object = parse_json_object(text);
  if (!object) return object.error();
  auto items = parse_elements<T>(*object, "items", parse);
  if (!items) return items.error();
  JsonReader reader(*object);
  List<T> list{.items = std::move(*items),
               .warnings = reader.list_of_texts("warnings"),
               .next = reader.text("next")};
  if (!reader.problem().empty()) return Error(Errc::corrupt, reader.problem());
  return list;
}

}  // namespace cooper::api
