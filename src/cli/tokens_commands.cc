// `cooper tokens`: who may ask a server of this data root.

#include "base/text.h"
#include "cli/context.h"
#include "cli/json_output.h"
#include "cli/table.h"

#include <array>

namespace cooper::cli {

namespace {

using store::Token;

std::string expiry_text(const Token& token, Time now) {
  if (!token.expires_at) return "never";
  if (token.expires_at->at <= now) return "has expired";
  return "in " + to_text(seconds_between(now, token.expires_at->at));
}

int run_list(Context& context, const Options& options) {
  const store::TokenList list = context.rack.list_tokens();
  for (const std::string& warning : list.warnings) print_warning(context, warning);
  if (options.json()) {
    context.out.write(tokens_json(list.tokens));
    return 0;
  }
  Table table({"ID", "ROLE", "APP", "CREATED", "EXPIRES", "NAME"});
  const Time now = context.clock();
  for (const Token& token : list.tokens) {
    table.add({{token.id.str()},
               {std::string(to_string(token.role))},
               {token.app ? token.app->str() : ""},
               {ago(token.created_at.at, now)},
               {expiry_text(token, now)},
               {token.name}});
  }
  context.out.write(table.text(context.out.colours(), context.out.columns()));
  return 0;
}

int run_create(Context& context, const Options& options) {
  store::NewToken wanted{.name = options.words.empty() ? "" : options.words[0],
                         .role = *store::parse_token_role(options.role.value_or("read")),
                         .app = std::nullopt,
                         .lives = std::nullopt};
  if (options.app) wanted.app = context.rack.get_app(AppName::parse(*options.app).value()).name;
  if (options.expires) {
    wanted.lives = parse_duration(*options.expires);
    if (!wanted.lives || wanted.lives->count() == 0) {
      throw Error(Errc::invalid, "invalid --expires \"" + shorten(*options.expires, 60) + "\"",
                  "expected a duration such as 12h, 30d or 90m");
    }
  }
  const store::MadeToken made = context.rack.create_token(wanted);
  context.err.write("Token " + made.token.id.str() + ", role " +
                    std::string(to_string(made.token.role)) +
                    ". It is shown this once, and kept nowhere:\n");
  context.out.write(made.secret + "\n");
  return 0;
}

int run_revoke(Context& context, const Options& options) {
  const store::TokenId id = store::TokenId::parse(options.words[0]).value();
  context.rack.revoke_token(id);
  context.out.write("Revoking token " + id.str() + "... OK\n");
  return 0;
}

constexpr std::array kListFlags = {kFormatFlag};
constexpr std::array kNamePositional = {Positional{
    .name = "NAME", .summary = "what it is for, one line", .need = Positional::Need::optional}};
constexpr std::array kIdPositional = {
    Positional{.name = "ID", .summary = "as `cooper tokens` lists it"}};
constexpr std::array kCreateFlags = {
    Flag{.name = "role",
         .value = "ROLE",
         .summary = "read, build (also starts, cancels and deploys) or admin (default: read)",
         .target = &Options::role,
         .choices = "read build admin"},
    Flag{.name = "app",
         .letter = 'a',
         .value = "APP",
         .summary = "for this app alone (default: for all)",
         .target = &Options::app,
         .offer = Offer::app},
    Flag{.name = "expires",
         .value = "TIME",
         .summary = "good for so long, such as 12h or 30d (default: until it is revoked)",
         .target = &Options::expires}};

constexpr std::array kCommands = {
    Command{.name = "tokens",
            .summary = "List the tokens that a server of this data root accepts",
            .flags = kListFlags,
            .run = run_list},
    Command{.name = "tokens create",
            .summary = "Make a token, and print it on stdout: only a hash is kept",
            .positionals = kNamePositional,
            .flags = kCreateFlags,
            .examples = "cooper tokens create ci --role build -a shop --expires 90d",
            .run = run_create},
    Command{.name = "tokens revoke",
            .summary = "Accept a token no more",
            .positionals = kIdPositional,
            .examples = "cooper tokens revoke 4f0q1zt2ab",
            .run = run_revoke}};

}  // namespace

std::span<const Command> tokens_commands() { return kCommands; }

}  // namespace cooper::cli
