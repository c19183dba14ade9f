#pragma once
// Reads the JSON object of a request. Stricter than what reads answers: a field of another type, or
// that nobody knows, is refused, since what was meant would silently not be done.

#include "base/error.h"
#include "model/json_values.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cooper::api {

/// Each reader tells a wrong type by way of problem(), and then returns what stands for nothing.
class Body {
 public:
  explicit Body(const boost::json::object& object) : object_(object) {}

  bool has(std::string_view key) const { return object_.contains(key); }
  /// Absent, and null: empty.
  std::string text(std::string_view key);
  std::string required_text(std::string_view key);
  bool flag(std::string_view key);
  std::optional<std::uint64_t> number(std::string_view key, std::uint64_t least,
                                      std::uint64_t most);
  /// Names and texts, in their order.
  std::vector<std::pair<std::string, std::string>> pairs(std::string_view key);
  std::vector<std::string> texts(std::string_view key);
  /// The elements of an array of objects; the reader of each is to be read with `member`.
  std::vector<const boost::json::object*> objects(std::string_view key);
  /// An object; null if it is absent.
  const boost::json::object* object(std::string_view key);

  void fail(std::string_view key, std::string_view problem);
  void fail(Error error);
  /// The first thing that was wrong, among it a field that nobody asked for: Error{invalid}.
  std::optional<Error> problem();

 private:
  const boost::json::value* take(std::string_view key);
  const boost::json::array* array(std::string_view key);

  const boost::json::object& object_;
  std::set<std::string, std::less<>> known_;
  std::optional<Error> problem_;
};

}  // namespace cooper::api
