// Any bytes as what HTTP clients send: URL, form, environment, credentials, build arguments; and a
// log's bytes as text frames.

#include "base/utf8.h"
#include "fuzz/fuzz.h"
#include "server/build_options.h"
#include "server/exchange.h"
#include "server/fields.h"
#include "server/listen.h"
#include "server/login.h"
#include "server/rack_json.h"
#include "server/router.h"
#include "server/routes.h"
#include "server/utf8_text.h"

#include <string>

namespace {

using namespace cooper;
using namespace cooper::server;

std::string percent_encoded(unsigned char byte) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  return {'%', kDigits[byte >> 4], kDigits[byte & 15]};
}

void check_target(std::string_view input) {
  static const Router router{all_routes()};
  const auto target = parse_target(input);
  if (!target) return;
  std::string again;
  for (const std::string& part : target->path) {
    fuzz::require(!part.empty() && part != "." && part != "..", "a path leads nowhere else");
    fuzz::require(part.find('\0') == std::string::npos, "no part ends early");
    again += '/';
    for (const char c : part) again += percent_encoded(static_cast<unsigned char>(c));
  }
  fuzz::require(parse_target(again.empty() ? "/" : again)->path == target->path,
                "a path comes back as it was");
  Request request{.method = Method::get, .target = *target};
  const Match match = router.find(request);
  fuzz::require(!match.route || match.path_exists, "what is found is there");
}

void check_log(std::string_view input) {
  std::string sent;
  std::string waiting;
  fuzz::in_pieces(input, [&](std::string_view piece) {
    waiting += piece;
    const std::size_t now = waiting.size() - unfinished_tail(waiting);
    sent += waiting.substr(0, now);
    waiting.erase(0, now);
    fuzz::require(waiting.size() <= 3, "little waits");
  });
  fuzz::require(sent + waiting == input, "no byte is lost");
  if (is_utf8(input)) fuzz::require(waiting.empty(), "nothing of a whole text waits");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::text_of(data, size);
  check_target(input);
  check_log(input);
  if (const auto form = parse_form(input)) {
    for (const auto& [name, value] : form->entries()) {
      fuzz::require(is_utf8(name) && is_utf8(value), "a form is text");
    }
  }
  const auto environment = parse_environment_text(input, {{"A", "1\n2"}});
  if (environment) {
    fuzz::require(parse_environment_text(environment_text(*environment), *environment).value() ==
                      *environment,
                  "an environment comes back as it was");
  }
  static_cast<void>(credentials_in(input));
  static_cast<void>(parse_listen(input));
  static_cast<void>(parse_object_url(input));
  static_cast<void>(parse_build_args({input}));
  return 0;
}
