#pragma once
// Where things are in a server's /v1, and lists that come in pages.

#include "api/builds.h"
#include "api/list.h"
#include "model/names.h"
#include "remote/api_client.h"

#include <algorithm>
#include <iterator>
#include <string>

namespace cooper::remote {

/// Of an app, and of a build.
inline std::string path_of(const AppName& app) { return "/v1/apps/" + app.str(); }
inline std::string path_of(const AppName& app, const BuildId& build) {
  return path_of(app) + "/builds/" + build.str();
}

/// All of a list, page by page. Throws Error.
template <class T, class Parse>
api::List<T> all_pages(ApiClient& client, const std::string& path, Query query,
                       const Parse& parse) {
  api::List<T> all;
  for (std::string cursor;;) {
    Query asked = query;
    if (!cursor.empty()) asked.emplace_back("cursor", cursor);
    auto list =
        client.understood(api::parse_list<T>(client.get(path + api::query_text(asked)), parse));
    std::ranges::move(list.items, std::back_inserter(all.items));
    std::ranges::move(list.warnings, std::back_inserter(all.warnings));
    if (list.next.empty()) return all;
    cursor = list.next;
  }
}

/// The build that an answer shows. Throws Error.
inline rack::BuildView view_in(ApiClient& client, const std::string& answer) {
  return client.understood(api::parse_build_view(client.object_in(answer)));
}

}  // namespace cooper::remote
