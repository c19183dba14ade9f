#pragma once
// The server: its sockets, loops, workers, and its end.

#include "base/fd.h"
#include "rack/rack.h"
#include "server/services.h"
#include "server/tls.h"
#include "store/layout.h"

#include <optional>
#include <string>
#include <vector>

namespace cooper::server {

struct ServerOptions {
  std::vector<Fd> sockets;  ///< listening
  std::optional<TlsFiles> tls;
  std::size_t loops = 1;
  Limits limits;
  store::Layout layout;  ///< has its folder of uploads
  std::string version;
  std::string host_name;
  std::vector<AddressBlock> proxies;  ///< see Services
  RequestLines request_lines = RequestLines::each;
};

/// Serves until SIGTERM or SIGINT. Then it takes no more connections and requests, ends streams,
/// waits for answers that are under way, and returns; builds go on, as they are processes of their
/// own. A second signal ends it at once. Call it when no other thread runs. Throws Error{denied} if
/// others than this host could reach a server that lets anybody in.
void run_server(rack::Rack& rack, Access& access, ServerOptions options);

}  // namespace cooper::server
