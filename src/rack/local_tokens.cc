// LocalRack's verbs about tokens, and the audit log.

#include "base/error.h"
#include "base/owner.h"
#include "rack/local_rack.h"

namespace cooper::rack {

void LocalRack::note(const char* action, const store::TokenId& token,
                     const std::optional<AppName>& app) const {
  if (caller_ == Caller::server) return;
  store::AuditLog(layout_).append({.at = {now()},
                                   .who = "local",
                                   .name = name_of_caller(),
                                   .action = action,
                                   .app = app ? app->str() : "",
                                   .about = {{"token", token.str()}},
                                   .made = {},
                                   .status = 200,
                                   .from = {},
                                   .request = {}});
}

store::MadeToken LocalRack::create_token(const store::NewToken& wanted) {
  store::Tokens tokens(layout_);
  store::MadeToken made = tokens.create(wanted);
  try {
    note("tokens create", made.token.id, made.token.app);
  } catch (const Error&) {  // adapter: nobody has seen it, so it may go again
    tokens.revoke(made.token.id);
    throw;
  }
  return made;
}

store::TokenList LocalRack::list_tokens() { return store::Tokens(layout_).list(); }

void LocalRack::revoke_token(const store::TokenId& id) {
  store::Tokens(layout_).revoke(id);
  note("tokens revoke", id, std::nullopt);
}

AuditPage LocalRack::read_audit(const AuditFilter& filter) {
  AuditPage page;
  page.warnings = store::AuditLog(layout_).visit(filter.since, [&](const store::AuditEntry& entry) {
    if (!filter.app || entry.app == filter.app->str()) page.entries.push_back(entry);
    return filter.limit == 0 || page.entries.size() < filter.limit;
  });
  return page;
}

}  // namespace cooper::rack
