// Any bytes as what a webhook sends: its body, and the URLs, names and signatures in it.

#include "fuzz/fuzz.h"
#include "server/hook_event.h"
#include "source/git_command.h"
#include "store/hook_inbox.h"

#include <algorithm>
#include <string>

namespace {

using namespace cooper;
using namespace cooper::server;

constexpr std::string_view kSecret = "a secret of the test's";

void check_push(std::string_view input) {
  const auto event = parse_push_event(input);
  if (!event) return;
  fuzz::require(event->ref.starts_with("refs/"), "a ref is one");
  fuzz::require(source::is_object_id(event->after), "a commit is one");
  fuzz::require(!event->repository.empty(), "it is about a repository");
  for (const std::string& name : event->repository) {
    if (is_same_repository(name, "https://git.example/team/shop")) {
      fuzz::require(name.size() >= 9, "it has the path in it");
    }
  }
}

/// The first line as all headers' values, the rest as a body.
void check_signatures(std::string_view input) {
  const std::size_t line = std::min(input.find('\n'), input.size());
  const std::string value(input.substr(0, line));
  const std::string_view body = input.substr(std::min(line + 1, input.size()));
  Fields headers;
  for (const char* name : {"x-hub-signature-256", "x-gitea-signature", "x-forgejo-signature",
                           "x-gitlab-token", "webhook-signature", "webhook-timestamp", "webhook-id",
                           "x-github-event", "x-github-delivery"}) {
    headers.add(name, value);
  }
  const auto head = check_hook(headers, body, kSecret, now());
  if (head) fuzz::require(value.find(kSecret) != std::string::npos, "nobody guesses a signature");
  static_cast<void>(webhook_key(value));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::text_of(data, size);
  check_push(input);
  check_signatures(input);
  if (const auto kept = store::parse_hook_delivery(input, std::string(32, 'a'))) {
    const auto again = store::parse_hook_delivery(store::to_json(*kept), kept->key);
    fuzz::require(again && *again == *kept, "a note comes back as it was");
  }
  return 0;
}
