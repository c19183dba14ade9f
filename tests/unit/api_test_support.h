#pragma once
// What the tests of the JSON of /v1 share.

#include "model/json_values.h"
#include "rack/rack.h"
#include "unit/test_support.h"

#include <string>
#include <string_view>

namespace cooper::api {

inline const AppName kApp = AppName::parse("hello").value();
inline const BuildId kId = BuildId::parse("mwq3upiv71tsix").value();
inline const ReleaseId kRelease = ReleaseId::parse("rmwq3upiv71tsix").value();
inline const Time kTime{std::chrono::seconds{1795231178} + std::chrono::milliseconds{250}};

inline boost::json::object object_of(std::string_view text) {
  return parse_json_object(text).value();
}

/// What `parse` makes of an object from which a field was taken, or in which it was replaced, must
/// be an error of this code that names the field.
template <class Parse>
void expect_refused(const Parse& parse, boost::json::object object, std::string_view field,
                    boost::json::value instead, Errc code) {
  if (instead.is_null()) {
    object.erase(field);
  } else {
    object[field] = std::move(instead);
  }
  const auto parsed = parse(object);
  ASSERT_FALSE(parsed) << field;
  EXPECT_EQ(parsed.error().code(), code) << field;
  EXPECT_NE(parsed.error().message().find(field), std::string::npos) << parsed.error().message();
}

}  // namespace cooper::api
