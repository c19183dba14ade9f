#pragma once
// JSON as values: for layers that make larger objects of the model's, or read others.

#include "base/time.h"
#include "model/build.h"
#include "model/release.h"
#include "model/step.h"

#include <boost/json.hpp>

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper {

/// The fields of record files and lines (model/json.h), in their order.
boost::json::object to_object(const Build& build);
boost::json::object to_object(const Release& release);
boost::json::object to_object(const App& app);
boost::json::object to_object(const Step& step);

/// Any object, nested 32 deep at most. Error{corrupt}.
[[nodiscard]] Result<boost::json::object> parse_json_object(std::string_view text);

/// A field's text; empty if it is absent, or no string.
std::string text_in(const boost::json::object& object, std::string_view key);

/// Reads fields of one object; the first problem is kept and ends all later reads.
class JsonReader {
 public:
  explicit JsonReader(const boost::json::object& object) : object_(object) {}

  /// Empty if it is absent, or no string.
  std::string text(std::string_view key) const { return text_in(object_, key); }
  std::string required_text(std::string_view key);
  /// The text as a checked name; `fallback` names what comes of one that is none.
  template <class Name>
  Name name(std::string_view key, std::string_view fallback) {
    auto name = Name::parse(required_text(key));
    if (!name) fail(key, "is no name of its kind");
    return name ? *name : Name::parse(fallback).value();
  }
  std::optional<Timestamp> time(std::string_view key);
  Timestamp required_time(std::string_view key);
  /// A whole number that an Int of at least `least` can hold.
  template <class Int>
  std::optional<Int> number(std::string_view key, Int least = std::numeric_limits<Int>::min()) {
    const boost::json::value* value = object_.if_contains(key);
    if (!value || value->is_null()) return std::nullopt;
    boost::system::error_code failure;
    const Int number = value->to_number<Int>(failure);
    if (failure || number < least) {
      fail(key, "is no number that can be right");
      return std::nullopt;
    }
    return number;
  }
  /// False if it is absent, or no bool.
  bool flag(std::string_view key) const;
  std::map<std::string, std::string> texts(std::string_view key);
  /// Empty if it is absent.
  std::vector<std::string> list_of_texts(std::string_view key);
  void fail(std::string_view key, std::string_view problem);
  /// Empty: all was well.
  const std::string& problem() const { return problem_; }

 private:
  const boost::json::object& object_;
  std::string problem_;
};

}  // namespace cooper
