// LocalRack's verbs about tokens.

#include "rack/local_rack.h"

namespace cooper::rack {

store::MadeToken LocalRack::create_token(const store::NewToken& wanted) {
  return store::Tokens(layout_).create(wanted);
}

store::TokenList LocalRack::list_tokens() { return store::Tokens(layout_).list(); }

void LocalRack::revoke_token(const store::TokenId& id) { store::Tokens(layout_).revoke(id); }

}  // namespace cooper::rack
