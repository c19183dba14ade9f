#include "api/body.h"

#include "base/text.h"

namespace cooper::api {
namespace json = boost::json;

const json::value* Body::take(std::string_view key) {
  known_.emplace(key);
  const json::value* value = object_.if_contains(key);
  return value && !value->is_null() ? value : nullptr;
}

void Body::fail(std::string_view key, std::string_view problem) {
  fail(Error(Errc::invalid, "field \"" + std::string(key) + "\" " + std::string(problem)));
}

void Body::fail(Error error) {
  if (!problem_) problem_ = std::move(error);
}

std::string Body::text(std::string_view key) {
  const json::value* value = take(key);
  if (!value) return {};
  if (!value->is_string()) {
    fail(key, "is no string");
    return {};
  }
  return std::string(value->get_string());
}

std::string Body::required_text(std::string_view key) {
  std::string found = text(key);
  if (found.empty()) fail(key, "is missing");
  return found;
}

bool Body::flag(std::string_view key) {
  const json::value* value = take(key);
  if (!value) return false;
  if (!value->is_bool()) {
    fail(key, "is neither true nor false");
    return false;
  }
  return value->get_bool();
}

std::optional<std::uint64_t> Body::number(std::string_view key, std::uint64_t least,
                                          std::uint64_t most) {
  const json::value* value = take(key);
  if (!value) return std::nullopt;
  boost::system::error_code failure;
  const auto number = value->to_number<std::uint64_t>(failure);
  if (failure || number < least || number > most) {
    fail(key, "is no whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return std::nullopt;
  }
  return number;
}

std::vector<std::pair<std::string, std::string>> Body::pairs(std::string_view key) {
  std::vector<std::pair<std::string, std::string>> found;
  const json::object* members = object(key);
  if (!members) return found;
  for (const auto& member : *members) {
    if (!member.value().is_string()) {
      fail(key, "has a value that is no string");
      continue;
    }
    found.emplace_back(member.key(), std::string(member.value().get_string()));
  }
  return found;
}

const json::array* Body::array(std::string_view key) {
  const json::value* value = take(key);
  if (!value) return nullptr;
  if (!value->is_array()) {
    fail(key, "is no array");
    return nullptr;
  }
  return &value->get_array();
}

std::vector<std::string> Body::texts(std::string_view key) {
  std::vector<std::string> found;
  const json::array* elements = array(key);
  if (!elements) return found;
  for (const json::value& element : *elements) {
    if (element.is_string()) {
      found.emplace_back(element.get_string());
    } else {
      fail(key, "has an element that is no string");
    }
  }
  return found;
}

std::vector<const json::object*> Body::objects(std::string_view key) {
  std::vector<const json::object*> found;
  const json::array* elements = array(key);
  if (!elements) return found;
  for (const json::value& element : *elements) {
    if (element.is_object()) {
      found.push_back(&element.get_object());
    } else {
      fail(key, "has an element that is no object");
    }
  }
  return found;
}

const json::object* Body::object(std::string_view key) {
  const json::value* value = take(key);
  if (!value) return nullptr;
  if (!value->is_object()) {
    fail(key, "is no object");
    return nullptr;
  }
  return &value->get_object();
}

std::optional<Error> Body::problem() {
  if (problem_) return problem_;
  for (const auto& member : object_) {
    if (!known_.contains(std::string_view(member.key()))) {
      fail(shorten(printable(std::string_view(member.key())), 60), "is not known here");
    }
  }
  return problem_;
}

}  // namespace cooper::api
