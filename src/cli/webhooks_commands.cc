// `cooper webhooks`: who is told what happens here.

#include "api/list.h"
#include "api/webhooks.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/context.h"
#include "cli/table.h"
#include "model/json.h"

#include <algorithm>
#include <array>

namespace cooper::cli {

namespace {

using store::EventKind;
using store::Webhook;
using store::WebhookMessage;

constexpr std::size_t kDefaultLimit = 10;

/// "all" or their names.
std::string events_text(const Webhook& webhook) {
  if (webhook.events.empty()) return "all";
  std::vector<std::string> names;
  for (const EventKind kind : webhook.events) names.emplace_back(to_string(kind));
  return join(names, ", ");
}

int run_list(Context& context, const Options& options) {
  std::vector<std::string> warnings;
  const auto webhooks = context.rack.list_webhooks(warnings);
  for (const std::string& warning : warnings) print_warning(context, warning);
  if (options.json()) {
    context.out.write(pretty(
        api::array_of(webhooks, [](const Webhook& webhook) { return api::to_object(webhook); })));
    return 0;
  }
  Table table({"ID", "APP", "EVENTS", "CREATED", "URL"});
  for (const Webhook& webhook : webhooks) {
    table.add({{webhook.id.str()},
               {webhook.app ? webhook.app->str() : ""},
               {events_text(webhook)},
               {ago(webhook.created_at.at, context.clock())},
               {printable(webhook.url)}});
  }
  context.out.write(table.text(context.out.colours(), context.out.columns()));
  return 0;
}

std::vector<EventKind> events_in(const std::optional<std::string>& text) {
  std::vector<std::string> names;
  if (text) {
    for (const std::string_view name : split(*text, ',')) names.emplace_back(trim(name));
  }
  return rack::parse_events(names).value();
}

std::string secret_from(const std::string& file) {
  constexpr std::size_t kMost = 4096;
  const auto text = read_file(file, kMost);
  if (!text) throw Error(Errc::not_found, "there is no file " + printable(file));
  return store::check_webhook_secret(trim(*text)).value();
}

int run_add(Context& context, const Options& options) {
  const bool is_given = options.secret_file.has_value();
  rack::NewWebhook wanted{.url = options.words[0],
                          .app = std::nullopt,
                          .events = events_in(options.events),
                          .secret = is_given ? secret_from(*options.secret_file) : ""};
  if (options.app) wanted.app = context.rack.get_app(AppName::parse(*options.app).value()).name;
  const Webhook made = context.rack.add_webhook(wanted);
  context.err.write("Webhook " + made.id.str() + " is told of " + events_text(made) +
                    " events by the server of this data root (cooper serve)\n");
  if (is_given) return 0;
  context.err.write("Its secret, shown this once:\n");
  context.out.write(made.secret + "\n");
  return 0;
}

store::WebhookId id_in(const Options& options) {
  return store::WebhookId::parse(options.words[0]).value();
}

int run_remove(Context& context, const Options& options) {
  const store::WebhookId id = id_in(options);
  context.rack.remove_webhook(id);
  context.out.write("Removing webhook " + id.str() + "... OK\n");
  return 0;
}

int run_test(Context& context, const Options& options) {
  const Webhook webhook = context.rack.test_webhook(id_in(options));
  context.out.write("The server sends webhook.test to " + printable(webhook.url) + "\n");
  context.err.write("See what became of it: cooper webhooks deliveries " + webhook.id.str() + "\n");
  return 0;
}

std::string outcome_text(const WebhookMessage& message, Time now) {
  const std::string last = message.attempts.empty() ? "" : message.attempts.back().error;
  if (message.state == store::WebhookState::dropped) {
    return "more than " + std::to_string(store::WebhookQueue::kMostWaiting) + " waited";
  }
  if (message.state != store::WebhookState::waiting) return last.empty() ? "OK" : last;
  if (message.attempts.empty()) return "waits";
  const auto wait = std::max(seconds_between(now, message.next_at.at), std::chrono::seconds(0));
  return last + "; again in " + to_text(wait);
}

int run_deliveries(Context& context, const Options& options) {
  auto messages = context.rack.list_webhook_messages(id_in(options));
  std::ranges::reverse(messages);
  const std::size_t limit = options.limit.value_or(kDefaultLimit);
  if (limit > 0 && messages.size() > limit) {
    messages.erase(messages.begin() + static_cast<std::ptrdiff_t>(limit), messages.end());
  }
  if (options.json()) {
    context.out.write(pretty(api::array_of(
        messages, [](const WebhookMessage& message) { return api::to_object(message); })));
    return 0;
  }
  Table table(
      {"EVENT", "APP", "SUBJECT", "CREATED", "STATE", "STATUS", "TOOK", "ATTEMPTS", "OUTCOME"});
  for (const WebhookMessage& message : messages) {
    const bool tried = !message.attempts.empty();
    const store::WebhookAttempt last = tried ? message.attempts.back() : store::WebhookAttempt{};
    table.add({{message.event},
               {message.app},
               {message.subject},
               {ago(message.created_at.at, context.clock())},
               {std::string(to_string(message.state))},
               {last.status > 0 ? std::to_string(last.status) : ""},
               {tried ? std::to_string(last.took.count()) + "ms" : ""},
               {std::to_string(message.attempts.size())},
               {printable(outcome_text(message, context.clock()))}});
  }
  context.out.write(table.text(context.out.colours(), context.out.columns()));
  return 0;
}

constexpr std::array kUrl = {Positional{.name = "URL", .summary = "https://... or http://..."}};
constexpr std::array kId = {Positional{.name = "ID", .summary = "as `cooper webhooks` lists it"}};
constexpr std::array kListFlags = {kFormatFlag};
constexpr std::array kDeliveriesFlags = {kFormatFlag, kLimitFlag};
constexpr std::array kAddFlags = {
    Flag{.name = "app",
         .letter = 'a',
         .value = "APP",
         .summary = "what happens to this app alone (default: to all)",
         .target = &Options::app,
         .offer = Offer::app},
    Flag{.name = "events",
         .value = "EVENTS",
         .summary = "which, with commas, such as build.finished,release.created (default: all)",
         .target = &Options::events},
    Flag{.name = "secret-file",
         .value = "FILE",
         .summary = "sign with what is in it (default: a new secret, printed once)",
         .target = &Options::secret_file,
         .offer = Offer::file}};

constexpr std::array kCommands = {
    Command{.name = "webhooks",
            .summary = "List who is told of builds and releases",
            .flags = kListFlags,
            .run = run_list},
    Command{.name = "webhooks add",
            .summary = "Tell a URL, signed, of what happens; the server (cooper serve) does",
            .positionals = kUrl,
            .flags = kAddFlags,
            .examples = "cooper webhooks add https://chat.example/hook -a shop\n"
                        "cooper webhooks add https://ci.example/ --events build.finished",
            .run = run_add},
    Command{.name = "webhooks remove",
            .summary = "Tell a webhook no more",
            .positionals = kId,
            .run = run_remove},
    Command{.name = "webhooks deliveries",
            .summary = "List what a webhook was told, and how often it was tried",
            .positionals = kId,
            .flags = kDeliveriesFlags,
            .run = run_deliveries},
    Command{.name = "webhooks test",
            .summary = "Send webhook.test to a webhook",
            .positionals = kId,
            .run = run_test}};

}  // namespace

std::span<const Command> webhooks_commands() { return kCommands; }

}  // namespace cooper::cli
