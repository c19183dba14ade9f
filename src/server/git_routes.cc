// /git/{app}: what `git push`, `git fetch` and `git clone` ask for over HTTP.

#include "rack/app_repository.h"
#include "server/git_backend.h"
#include "server/routes.h"
#include "server/services.h"
#include "store/layout.h"
#include "store/own_root.h"

#include <array>

namespace cooper::server {

namespace {

/// git shows its user text, and no JSON.
template <class Work>
Answer in_plain_text(const Work& work) {
  Error error(Errc::internal, "");
  try {
    return work();
  } catch (const Error& failure) {  // adapter: see above
    error = failure;
  }
  Answer answer;
  answer.status = http_status(error.code());
  answer.type = "text/plain; charset=utf-8";
  answer.body = "ERROR: " + error.message() + "\n";
  if (!error.hint().empty()) answer.body += "  hint: " + error.hint() + "\n";
  return answer;
}

Answer answer_with(Services& services, const Request& request, GitService service, GitStep step) {
  const bool is_push = service == GitService::receive_pack;
  if (is_push && request.principal.role < Role::build) {
    throw Error(Errc::denied, "these credentials allow to fetch, and not to push",
                "a push needs a token of the role build");
  }
  store::require_own_root(services.layout, "run git in repositories");
  const auto repository = rack::repository_for(services.rack, request.app(),
                                               is_push ? rack::GitUse::push : rack::GitUse::fetch);
  return answer_by_git(repository, service, step, request, services.ending);
}

Answer list_refs(Services& services, const Request& request) {
  return in_plain_text([&] {
    if (request.method == Method::head) {
      throw Error(Errc::denied, "git asks with GET", "use git, or GET");
    }
    const auto service = parse_git_service(request.target.query.get("service"));
    if (!service) {
      throw Error(Errc::denied, "only what speaks git's smart protocol is answered",
                  "use git 1.6.6 or newer");
    }
    return answer_with(services, request, *service, GitStep::refs);
  });
}

Answer upload_pack(Services& services, const Request& request) {
  return in_plain_text(
      [&] { return answer_with(services, request, GitService::upload_pack, GitStep::pack); });
}

Answer receive_pack(Services& services, const Request& request) {
  return in_plain_text(
      [&] { return answer_with(services, request, GitService::receive_pack, GitStep::pack); });
}

constexpr std::array kRoutes = {
    Route{Method::get, "/git/{app}.git/info/refs", Role::read, list_refs, Body::none, Speed::slow},
    Route{Method::get, "/git/{app}/info/refs", Role::read, list_refs, Body::none, Speed::slow},
    Route{Method::post, "/git/{app}.git/git-upload-pack", Role::read, upload_pack, Body::small_file,
          Speed::slow},
    Route{Method::post, "/git/{app}/git-upload-pack", Role::read, upload_pack, Body::small_file,
          Speed::slow},
    Route{Method::post, "/git/{app}.git/git-receive-pack", Role::build, receive_pack, Body::file,
          Speed::slow},
    Route{Method::post, "/git/{app}/git-receive-pack", Role::build, receive_pack, Body::file,
          Speed::slow}};

}  // namespace

std::span<const Route> git_routes() { return kRoutes; }

}  // namespace cooper::server
