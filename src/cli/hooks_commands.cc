// `cooper hooks`: webhooks of forges that start builds here.

#include "api/list.h"
#include "api/webhooks.h"
#include "base/random.h"
#include "base/text.h"
#include "cli/context.h"
#include "cli/table.h"
#include "model/json.h"

#include <array>

namespace cooper::cli {

namespace {

using store::HookDelivery;

constexpr std::size_t kDefaultLimit = 10;
constexpr std::size_t kSecretLength = 40;  // of 36 letters: 206 bits

std::string outcome_text(const HookDelivery& delivery) {
  if (!delivery.outcome.empty()) return delivery.outcome;
  if (delivery.state == store::HookState::accepted) return "waits for the server";
  return "build " + delivery.build + " goes on";
}

int run_list(Context& context, const Options& options) {
  const AppName app = context.rack.get_app(resolve_app(context, options)).name;
  auto deliveries = context.rack.list_hook_deliveries(app);
  const std::size_t limit = options.limit.value_or(kDefaultLimit);
  if (limit > 0 && deliveries.size() > limit) {
    deliveries.erase(deliveries.begin() + static_cast<std::ptrdiff_t>(limit), deliveries.end());
  }
  if (options.json()) {
    context.out.write(pretty(api::array_of(
        deliveries, [](const HookDelivery& delivery) { return api::to_object(delivery); })));
    return 0;
  }
  constexpr std::size_t kShortId = 10;
  Table table({"RECEIVED", "FROM", "BRANCH", "COMMIT", "OUTCOME"});
  for (const HookDelivery& delivery : deliveries) {
    table.add({{ago(delivery.received_at.at, context.clock())},
               {printable(delivery.sender)},
               {printable(delivery.branch)},
               {printable(delivery.commit.substr(0, kShortId))},
               {printable(outcome_text(delivery))}});
  }
  context.out.write(table.text(context.out.colours(), context.out.columns()));
  return 0;
}

int run_add(Context& context, const Options& options) {
  const AppName app = context.rack.get_app(resolve_app(context, options)).name;
  context.rack.set_property(&app, "webhook-url", options.words[0]);
  const std::string secret = random_base36(kSecretLength);
  context.rack.set_property(&app, "webhook-secret", secret);
  context.err.write("Pushes to " + options.words[0] + " build app " + app.str() +
                    " once its webhook is made there:\n  URL: http(s)://HOST/hooks/" + app.str() +
                    ", content type JSON, event: push\n  secret, shown this once:\n");
  context.out.write(secret + "\n");
  return 0;
}

int run_remove(Context& context, const Options& options) {
  const AppName app = context.rack.get_app(resolve_app(context, options)).name;
  context.rack.set_property(&app, "webhook-secret", std::nullopt);
  context.rack.set_property(&app, "webhook-url", std::nullopt);
  context.out.write("Webhooks of app " + app.str() + " are no longer taken\n");
  return 0;
}

constexpr std::array kUrl = {Positional{
    .name = "URL", .summary = "the repository: https://..., ssh://... or git@HOST:PATH"}};
constexpr std::array kListFlags = {kAppFlag, kFormatFlag, kLimitFlag};
constexpr std::array kAppFlags = {kAppFlag};

constexpr std::array kCommands = {
    Command{.name = "hooks",
            .summary = "List what webhooks told a server of this data root, and what became of it",
            .flags = kListFlags,
            .run = run_list},
    Command{.name = "hooks add",
            .summary = "Build what is pushed to a repository on GitHub, GitLab, Gitea or Forgejo",
            .positionals = kUrl,
            .flags = kAppFlags,
            .examples = "cooper hooks add https://github.com/team/shop -a shop",
            .run = run_add},
    Command{.name = "hooks remove",
            .summary = "Take an app's webhooks no more",
            .flags = kAppFlags,
            .run = run_remove}};

}  // namespace

std::span<const Command> hooks_commands() { return kCommands; }

}  // namespace cooper::cli
