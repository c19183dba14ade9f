// Any bytes as JSON of /v1, asked and answered; as a cursor, and as a problem: refused, or read,
// and then what is written reads back the same.

#include "api/build_query.h"
#include "api/builds.h"
#include "api/cursor.h"
#include "api/host.h"
#include "api/list.h"
#include "api/problem.h"
#include "api/releases.h"
#include "api/requests.h"
#include "fuzz/fuzz.h"

namespace {

using namespace cooper;
namespace json = boost::json;

/// What `parse` makes of the object, written and read again, is written the same.
template <class Parse, class Write>
void check(const json::object& object, const Parse& parse, const Write& write) {
  const auto parsed = parse(object);
  if (!parsed) return;
  const json::object written = write(*parsed);
  const auto again = parse(written);
  fuzz::require(again.has_value(), "what was written can be read");
  fuzz::require(write(*again) == written, "and says the same");
}

constexpr auto kWrite = [](const auto& value) { return api::to_object(value); };

void check_requests(const json::object& object) {
  static const AppName app = AppName::parse("hello").value();
  static const BuildId build = BuildId::parse("b1").value();
  check(object, api::parse_new_build, kWrite);
  check(
      object, [](const json::object& o) { return api::parse_retry(o, app, build); }, kWrite);
  check(
      object, [](const json::object& o) { return api::parse_new_release(o, app); }, kWrite);
  check(
      object, [](const json::object& o) { return api::parse_start_deploy(o, app); }, kWrite);
  check(object, api::parse_new_token, kWrite);
  check(object, api::parse_new_login,
        [](const auto& login) { return api::login_object(login.first, login.second); });
  if (const auto changes = api::parse_property_changes(object)) {
    fuzz::require(changes->size() == object.size(), "each member is a change");
  }
}

void check_answers(const json::object& object) {
  static const BuildId build = BuildId::parse("b1").value();
  check(object, api::parse_build_view, kWrite);
  check(object, api::parse_step_object, kWrite);
  check(object, api::parse_diff,
        [](const build::BuildDiff& diff) { return api::to_object(build, build, diff); });
  check(object, api::parse_pruned, kWrite);
  check(object, api::parse_queue_entry, kWrite);
  check(object, api::parse_app_object, kWrite);
  check(object, api::parse_release_object, [](const Release& release) {
    return api::to_object(release, "", api::ReleaseDetail::whole);
  });
  check(object, api::parse_property, kWrite);
  check(object, api::parse_container, kWrite);
  check(object, api::parse_engine, kWrite);
  check(object, api::parse_login, kWrite);
  check(object, api::parse_made_token, kWrite);
  check(object, api::parse_disk_item, kWrite);
  check(object, api::parse_engine_pruned, kWrite);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::text_of(data, size);
  if (const auto object = parse_json_object(input)) {
    check_requests(*object);
    check_answers(*object);
  }
  if (const auto cursor = api::parse_cursor(input)) {
    fuzz::require(api::parse_cursor(api::to_text(*cursor)).value() == *cursor,
                  "a cursor comes back as it was");
  }
  if (const auto problem = api::parse_problem(input)) static_cast<void>(api::to_error(*problem));
  static_cast<void>(api::parse_list<rack::BuildView>(input, api::parse_build_view));
  return 0;
}
