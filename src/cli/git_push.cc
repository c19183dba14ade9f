#include "cli/git_push.h"

#include "base/text.h"
#include "rack/app_repository.h"
#include "source/git_command.h"

#include <algorithm>

namespace cooper::cli {

namespace {

constexpr std::string_view kHeads = "refs/heads/";

}  // namespace

Result<std::vector<RefUpdate>> parse_updates(std::string_view text) {
  std::vector<RefUpdate> updates;
  for (const std::string_view line : split(text, '\n')) {
    if (line.empty()) continue;
    const std::size_t first = line.find(' ');
    const std::size_t second = line.find(' ', first + 1);
    if (second == std::string_view::npos) {
      return Error(Errc::invalid, "this is no update of a ref: " + shorten(printable(line), 80));
    }
    RefUpdate update{.before = std::string(line.substr(0, first)),
                     .after = std::string(line.substr(first + 1, second - first - 1)),
                     .ref = std::string(line.substr(second + 1))};
    if (!source::is_object_id(update.before) || !source::is_object_id(update.after) ||
        !update.ref.starts_with("refs/")) {
      return Error(Errc::invalid, "this is no update of a ref: " + shorten(printable(line), 80));
    }
    updates.push_back(std::move(update));
  }
  return updates;
}

std::optional<std::string> deploy_ref(const std::string& property,
                                      const std::vector<RefUpdate>& updates,
                                      const std::function<bool(const std::string& ref)>& exists) {
  if (auto present = rack::present_deploy_ref(property, exists)) return present;
  for (const std::string& ref : rack::usual_deploy_refs()) {
    if (update_of(updates, ref)) return ref;
  }
  return std::nullopt;
}

const RefUpdate* update_of(const std::vector<RefUpdate>& updates,
                           const std::optional<std::string>& ref) {
  const auto found = ref ? std::ranges::find(updates, *ref, &RefUpdate::ref) : updates.end();
  return found == updates.end() ? nullptr : &*found;
}

std::string short_name(std::string_view ref) {
  constexpr std::string_view kTags = "refs/tags/";
  if (ref.starts_with(kHeads)) return printable(ref.substr(kHeads.size()));
  if (ref.starts_with(kTags)) return "tag " + printable(ref.substr(kTags.size()));
  return printable(ref);
}

}  // namespace cooper::cli
