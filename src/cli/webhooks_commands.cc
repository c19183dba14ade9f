// `cooper webhooks`: who is told what happens here.

#include "base/file.h"
#include "base/text.h"
#include "cli/context.h"
#include "cli/table.h"
#include "model/json.h"
#include "source/url.h"
#include "store/layout.h"
#include "store/webhook_queue.h"
#include "store/webhooks.h"

#include <boost/json.hpp>

#include <algorithm>
#include <array>

namespace cooper::cli {

namespace {

namespace json = boost::json;
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

json::object to_object(const Webhook& webhook) {
  json::object object{{"id", webhook.id.str()}, {"url", webhook.url}};
  if (webhook.app) object["app"] = webhook.app->str();
  json::array events;
  for (const EventKind kind : webhook.events) events.push_back(json::string(to_string(kind)));
  object["events"] = std::move(events);
  object["created_at"] = to_rfc3339(webhook.created_at);
  return object;
}

int run_list(Context& context, const Options& options) {
  std::vector<std::string> warnings;
  const auto webhooks = store::Webhooks(store::default_layout()).list(warnings);
  for (const std::string& warning : warnings) print_warning(context, warning);
  if (options.json()) {
    json::array array;
    for (const Webhook& webhook : webhooks) array.push_back(to_object(webhook));
    context.out.write(pretty(array));
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

std::string checked_url(const std::string& text) {
  const source::SourceUrl url = source::parse_source_url(text).value();
  if (url.scheme != "https" && url.scheme != "http") {
    throw Error(Errc::invalid, "a webhook's URL begins with https:// or http://");
  }
  if (!url.user.empty() || !url.password.empty()) {
    throw Error(Errc::invalid, "a webhook's URL has no credentials in it",
                "its receiver tells by the signature that it is ours");
  }
  return source::text_of(url);
}

std::vector<EventKind> parse_events(const std::optional<std::string>& text) {
  std::vector<EventKind> events;
  if (!text) return events;
  for (const std::string_view name : split(*text, ',')) {
    const auto kind = store::parse_event_kind(trim(name));
    if (!kind || *kind == EventKind::test) {
      throw Error(Errc::invalid, "unknown event \"" + shorten(printable(name), 60) + "\"",
                  "build.started, build.finished, release.created, release.promoted");
    }
    if (std::ranges::find(events, *kind) == events.end()) events.push_back(*kind);
  }
  return events;
}

std::string secret_from(const std::string& file) {
  constexpr std::size_t kMost = 4096;
  const auto text = read_file(file, kMost);
  if (!text) throw Error(Errc::not_found, "there is no file " + printable(file));
  return store::check_webhook_secret(trim(*text)).value();
}

int run_add(Context& context, const Options& options) {
  const bool is_given = options.secret_file.has_value();
  Webhook wanted{
      .id = store::WebhookId::parse("0000000000").value(),
      .url = checked_url(options.words[0]),
      .app = std::nullopt,
      .events = parse_events(options.events),
      .secret = is_given ? secret_from(*options.secret_file) : store::new_webhook_secret(),
      .created_at = {}};
  if (options.app) wanted.app = context.rack.get_app(AppName::parse(*options.app).value()).name;
  const Webhook made = store::Webhooks(store::default_layout()).add(std::move(wanted));
  context.err.write("Webhook " + made.id.str() + " is told of " + events_text(made) +
                    " events by the server of this data root (cooper serve)\n");
  if (is_given) return 0;
  context.err.write("Its secret, shown this once:\n");
  context.out.write(made.secret + "\n");
  return 0;
}

int run_remove(Context& context, const Options& options) {
  const auto id = store::WebhookId::parse(options.words[0]).value();
  store::Webhooks(store::default_layout()).remove(id);
  context.out.write("Removing webhook " + id.str() + "... OK\n");
  return 0;
}

Webhook named_webhook(const Options& options) {
  const auto id = store::WebhookId::parse(options.words[0]).value();
  auto webhook = store::Webhooks(store::default_layout()).find(id);
  if (!webhook) {
    throw Error(Errc::not_found, "no webhook " + id.str(), "`cooper webhooks` lists them");
  }
  return *std::move(webhook);
}

int run_test(Context& context, const Options& options) {
  const Webhook webhook = named_webhook(options);
  store::raise_event(store::default_layout(), {.kind = EventKind::test,
                                               .app = {},
                                               .id = webhook.id.str(),
                                               .release = {},
                                               .data = {},
                                               .at = {context.clock()}});
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
  const Webhook webhook = named_webhook(options);
  auto messages = store::WebhookQueue(store::default_layout(), webhook.id).list();
  std::ranges::reverse(messages);
  const std::size_t limit = options.limit.value_or(kDefaultLimit);
  if (limit > 0 && messages.size() > limit) {
    messages.erase(messages.begin() + static_cast<std::ptrdiff_t>(limit), messages.end());
  }
  if (options.json()) {
    json::array array;
    for (const WebhookMessage& message : messages) {
      json::object object = json::parse(to_json(message)).as_object();
      object["id"] = message.id;
      array.push_back(std::move(object));
    }
    context.out.write(pretty(array));
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
            .run = run_list,
            .runs = Runs::on_host},
    Command{.name = "webhooks add",
            .summary = "Tell a URL, signed, of what happens; the server (cooper serve) does",
            .positionals = kUrl,
            .flags = kAddFlags,
            .examples = "cooper webhooks add https://chat.example/hook -a shop\n"
                        "cooper webhooks add https://ci.example/ --events build.finished",
            .run = run_add,
            .runs = Runs::on_host},
    Command{.name = "webhooks remove",
            .summary = "Tell a webhook no more",
            .positionals = kId,
            .run = run_remove,
            .runs = Runs::on_host},
    Command{.name = "webhooks deliveries",
            .summary = "List what a webhook was told, and how often it was tried",
            .positionals = kId,
            .flags = kDeliveriesFlags,
            .run = run_deliveries,
            .runs = Runs::on_host},
    Command{.name = "webhooks test",
            .summary = "Send webhook.test to a webhook",
            .positionals = kId,
            .run = run_test,
            .runs = Runs::on_host}};

}  // namespace

std::span<const Command> webhooks_commands() { return kCommands; }

}  // namespace cooper::cli
